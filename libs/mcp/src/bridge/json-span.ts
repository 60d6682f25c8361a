/** Where a value lies in JSON text: from `start` up to but not including `end`. */
export interface Span {
  start: number
  end: number
}

/**
 * Finds a member of an object in JSON text, so that its text can be passed on as it is: parsing and writing it again could
 * change its bytes, for example the order of members named like integers (I3).
 *
 * @param text JSON that `JSON.parse` has accepted
 * @param name the member; of several with one name the last counts, as for `JSON.parse`
 * @param from where the object starts
 */
export function memberSpan(text: string, name: string, from = 0): Span | undefined {
  let at = skipSpace(text, from)
  if (text[at] !== '{') return undefined
  at = skipSpace(text, at + 1)
  let found: Span | undefined
  while (at < text.length && text[at] !== '}') {
    const nameEnd = skipString(text, at)
    const raw = text.slice(at, nameEnd)
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = skipValue(text, start)
    if ((raw.includes('\\') ? JSON.parse(raw) : raw.slice(1, -1)) === name) found = { start, end }
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return found
}

/** Puts other text in the place of a span. */
export function replaceSpan(text: string, { start, end }: Span, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end)
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return at
}

function skipString(text: string, from: number): number {
  let at = from
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return text.length
    let backslashes = 0
    while (text[at - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return at + 1
  }
}

function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from)
  let at = from
  if (text[at] !== '{' && text[at] !== '[') {
    while (at < text.length && !',]} \n\r\t'.includes(text[at]!)) at += 1
    return at
  }
  let depth = 0
  while (at < text.length) {
    const character = text[at]
    if (character === '"') {
      at = skipString(text, at)
      continue
    }
    at += 1
    if (character === '{' || character === '[') depth += 1
    else if ((character === '}' || character === ']') && (depth -= 1) === 0) return at
  }
  return at
}
