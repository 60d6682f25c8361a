import type { Json } from './json.ts'

/**
 * Replaces the halves of surrogate pairs in every text of a JSON value, names of members too, by U+FFFD: what has one has no canonical form, so
 * its record could not be read.
 */
export function wellFormed(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(wellFormed)
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.toWellFormed(), wellFormed(member)]))
}
