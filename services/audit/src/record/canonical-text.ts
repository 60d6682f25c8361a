import { canonicalJson, type Json, sortedKeys } from '@countersign/contracts'

/** Marks a value whose members cannot be put in order by making an object anew. */
class Unorderable extends Error {}

/**
 * The RFC 8785 text of what `JSON.parse` made of `source`: what `canonicalJson` writes, in half its time, because audit does this
 * for every event. Members are put in order and the platform writes the text; what the platform would write differently goes
 * to `canonicalJson`.
 *
 * @throws TypeError for what has no canonical form, as `canonicalJson` does
 */
export function canonicalText(value: Json, source: string): string {
  // A lone surrogate can only come from an escape: the bytes were valid UTF-8.
  if (/\\u[dD]/.test(source)) return canonicalJson(value)
  try {
    return JSON.stringify(ordered(value))
  } catch (error) {
    if (error instanceof Unorderable) return canonicalJson(value)
    throw error
  }
}

/**
 * The same of a value alone.
 *
 * @throws TypeError for what has no canonical form, as `canonicalJson` does
 */
export function canonicalTextOf(value: Json): string {
  // Half of a surrogate pair, which has none, is written as an escape; to whoever only wrote about escapes it costs time alone.
  const text = canonicalText(value, '')
  return /\\u[dD]/.test(text) ? canonicalJson(value) : text
}

function ordered(value: Json): Json {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError('a number that is not finite has no canonical JSON form')
    }
    return value
  }
  if (Array.isArray(value)) return value.map(ordered)
  const result: { [key: string]: Json } = {}
  for (const key of sortedKeys(value)) {
    const first = key.charCodeAt(0)
    // Objects keep keys that look like array indexes first, and `__proto__` would not become a member.
    if ((first >= 48 && first <= 57) || key === '__proto__') throw new Unorderable()
    result[key] = ordered(value[key]!)
  }
  return result
}
