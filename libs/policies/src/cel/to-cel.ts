import type { Json } from '@countersign/contracts'

/**
 * Turns JSON into what the CEL library reads safely: objects become maps, so that members named `constructor` or `__proto__` are
 * members like any other and nothing is inherited.
 */
export function toCel(value: Json): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(toCel)
  return new Map(Object.entries(value).map(([key, member]) => [key, toCel(member)]))
}
