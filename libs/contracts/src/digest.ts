import { hash } from 'node:crypto'
import type { Json } from './json.ts'

/**
 * Writes a JSON value in RFC 8785 canonical form: no spaces, members sorted by UTF-16 code units, numbers and strings
 * as ECMAScript writes them. The text is what is hashed, signed and, for arguments, sent upstream (I3).
 *
 * @throws TypeError for what I-JSON cannot hold: NaN, infinities, lone surrogates, undefined, functions.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number that is not finite has no canonical JSON form')
    return JSON.stringify(value)
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('a string with a lone surrogate has no canonical JSON form')
    return JSON.stringify(value)
  }
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no JSON form`)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += (text === '' ? '' : ',') + canonicalJson(item)
    return `[${text}]`
  }
  for (const key of sortedKeys(value)) {
    const member = value[key]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${canonicalJson(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

/** Above so many, sorting in place by insertion is slower than what the platform does. */
const fewKeys = 32

/** The members' names, sorted by UTF-16 code units. Done for every object of every event: for few names, without what the platform allocates. */
export function sortedKeys(value: { [key: string]: Json }): string[] {
  const keys = Object.keys(value)
  if (keys.length > fewKeys) return keys.toSorted()
  for (let end = 1; end < keys.length; end++) {
    const key = keys[end]!
    let at = end
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!
    keys[at] = key
  }
  return keys
}

/** SHA-256 of a text or bytes, written `sha256:<64 hex digits>`. */
export function sha256(data: string | Uint8Array): string {
  return `sha256:${hash('sha256', data)}`
}

/** SHA-256 over the RFC 8785 form of a JSON value. */
export function digestOf(value: Json): string {
  return sha256(canonicalJson(value))
}
