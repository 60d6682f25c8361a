/**
 * Puts a text between `<!-- name -->` and `<!-- /name -->`.
 *
 * @throws Error when the markers are not there, once and in this order
 */
export function betweenMarkers(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [page.indexOf(open), page.indexOf(close)]
  if (start < 0 || end < start || page.indexOf(open, start + 1) >= 0 || page.indexOf(close, end + 1) >= 0) {
    throw new Error(
      `the markers ${open} and ${close} must be there once, one after the other; put them where the table belongs`,
    )
  }
  return `${page.slice(0, start + open.length)}\n\n${text}\n\n${page.slice(end)}`
}
