/** The word that was probably meant: few letters away, or begun alike; undefined when none is near. */
export function nearest(word: string, among: readonly string[]): string | undefined {
  const wanted = word.toLowerCase()
  const most = Math.max(1, Math.floor(wanted.length / 3))
  const ranked = among
    .map((each) => ({ each, away: distance(wanted, each.toLowerCase()) }))
    .filter(({ away }) => away <= most)
    .toSorted((a, b) => a.away - b.away)
  return ranked[0]?.each ?? among.find((each) => wanted.length >= 3 && each.toLowerCase().startsWith(wanted))
}

/** Letters to add, take away, replace or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  // A key is short; what is not is no typing mistake.
  if (Math.abs(a.length - b.length) > 3) return Infinity
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, place) => place)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same, swapped ? before[j - 2]! + 1 : Infinity)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]!
}
