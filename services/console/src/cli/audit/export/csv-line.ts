/** A spreadsheet takes a cell that begins so for a formula, whatever the quotes around it. */
const formula = /^[=+\-@\t\r]/

/**
 * One record of CSV (RFC 4180), with its line end. A text that a spreadsheet would run as a formula gets an apostrophe before it, which
 * spreadsheets do not show.
 *
 * @param verbatim tells by their place the values that nobody but Countersign writes: they stay as they are, so that they can be compared
 */
export function csvLine(
  values: readonly (string | number | boolean | undefined)[],
  verbatim: (place: number) => boolean = () => false,
): string {
  return `${values.map((value, place) => cell(value, verbatim(place))).join(',')}\r\n`
}

function cell(value: string | number | boolean | undefined, verbatim: boolean): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const text = !verbatim && formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
