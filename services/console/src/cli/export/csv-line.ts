/** A spreadsheet takes a cell that begins so for a formula, whatever the quotes around it. */
const formula = /^[=+\-@\t\r]/

/**
 * One record of CSV (RFC 4180), with its line end. A text that a spreadsheet would run as a formula gets an apostrophe before it, which
 * spreadsheets do not show.
 */
export function csvLine(values: readonly (string | number | boolean | undefined)[]): string {
  return `${values.map(cell).join(',')}\r\n`
}

function cell(value: string | number | boolean | undefined): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const text = formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
