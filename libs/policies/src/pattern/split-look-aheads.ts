/** A pattern as conditions that hold all at once at the start of the text. */
export interface Conjunct {
  source: string
  /** The text must not match. */
  negated: boolean
}

/**
 * Takes the look-aheads at the start of a pattern apart: `^(?!A)(?=B)C` matches exactly where `^A` does not and `^B` and `^C` do. Such
 * patterns are common (generators write them for e-mail addresses and passwords), and no linear engine knows look-aheads.
 *
 * @param source a pattern that `new RegExp` accepts
 * @returns the pattern itself as the only condition, where it cannot be taken apart
 */
export function splitLookAheads(source: string): Conjunct[] {
  const whole = [{ source, negated: false }]
  if (!/^\^\(\?[=!]/.test(source)) return whole
  const parts: Conjunct[] = []
  let at = 1
  while (source.startsWith('(?=', at) || source.startsWith('(?!', at)) {
    const end = closing(source, at)
    parts.push({ source: `^(?:${source.slice(at + 3, end)})`, negated: source[at + 2] === '!' })
    at = end + 1
  }
  // In `^(?!A)B|C` the second branch is free of the condition.
  if (topLevelBar(source, at)) return whole
  return [...parts, { source: `^${source.slice(at)}`, negated: false }]
}

function closing(source: string, from: number): number {
  let depth = 0
  for (const [at, character] of syntax(source, from)) {
    if (character === '(') depth += 1
    else if (character === ')' && (depth -= 1) === 0) return at
  }
  return source.length
}

function topLevelBar(source: string, from: number): boolean {
  let depth = 0
  for (const [, character] of syntax(source, from)) {
    if (character === '(') depth += 1
    else if (character === ')') depth -= 1
    else if (character === '|' && depth === 0) return true
  }
  return false
}

/** The characters that are syntax: neither escaped nor in a class. */
function* syntax(source: string, from: number): Generator<[number, string]> {
  let inClass = false
  for (let at = from; at < source.length; at++) {
    const character = source[at]!
    if (character === '\\') at += 1
    else if (inClass) inClass = character !== ']'
    else if (character === '[') inClass = true
    else yield [at, character]
  }
}
