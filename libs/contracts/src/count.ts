/** A number of things in words: `1 approval`, `2 approvals`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}
