import { canonicalJson } from '../digest.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'

/** A change that can break a reader or a writer of the earlier version. */
export interface Break {
  /** JSON Pointer (RFC 6901) into the earlier schema. */
  at: string
  why: string
}

const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
const exact = ['pattern', 'format', 'uniqueItems', 'propertyNames', 'multipleOf']
const annotations = ['$schema', '$id', 'title', 'description', 'examples']
const compared = new Set([
  ...lowerBounds,
  ...upperBounds,
  ...exact,
  ...annotations,
  ...['type', 'const', 'enum', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'oneOf', 'default'],
])

/**
 * Compares two JSON Schemas. A change is additive when everything that was valid is still valid, and, for messages, every member
 * that was promised is still promised. What is not known to be additive counts as a break.
 *
 * @param promised members in `required` are relied on by readers (messages, not documents)
 */
export function findBreaks(before: JsonObject, after: JsonObject, promised: boolean, at = ''): Break[] {
  const inside = (key: string, old: Json | undefined, now: Json | undefined) =>
    isJsonObject(old) && isJsonObject(now) ? findBreaks(old, now, promised, `${at}/${key}`) : []
  const here = (why: string | false): Break[] => (why === false ? [] : [{ at: at || '/', why }])
  return [
    ...here(narrowedType(before, after)),
    ...here(narrowedValues(before, after)),
    ...lowerBounds.flatMap((key) =>
      here(bound(after[key], -Infinity) > bound(before[key], -Infinity) && `${key} was raised`),
    ),
    ...upperBounds.flatMap((key) =>
      here(bound(after[key], Infinity) < bound(before[key], Infinity) && `${key} was lowered`),
    ),
    ...exact.flatMap((key) => here(after[key] !== undefined && !same(before[key], after[key]) && `${key} was changed`)),
    ...here(!same(before.default, after.default) && 'the default was changed'),
    ...propertyBreaks(before, after, promised, at),
    ...here(
      before.additionalProperties !== false &&
        after.additionalProperties === false &&
        'unknown members are refused now',
    ),
    ...inside('additionalProperties', before.additionalProperties ?? {}, after.additionalProperties),
    ...inside('items', before.items ?? {}, after.items),
    ...unionBreaks(before, after, promised, at),
    ...[...Object.keys(before), ...Object.keys(after)]
      .filter((key, place, all) => !compared.has(key) && all.indexOf(key) === place && !same(before[key], after[key]))
      .flatMap((key) => here(`${key} was changed, which is not known to be additive`)),
  ]
}

function propertyBreaks(before: JsonObject, after: JsonObject, promised: boolean, at: string): Break[] {
  const [old, now] = [asObject(before.properties), asObject(after.properties)]
  const [oldRequired, nowRequired] = [asNames(before.required), asNames(after.required)]
  const breaks: Break[] = []
  for (const [name, schema] of Object.entries(old)) {
    const place = `${at}/properties/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (now[name] === undefined) breaks.push({ at: place, why: 'the property was removed' })
    else breaks.push(...findBreaks(asObject(schema), asObject(now[name]), promised, place))
  }
  for (const name of nowRequired) {
    if (!oldRequired.includes(name)) breaks.push({ at: at || '/', why: `${name} is newly required` })
  }
  for (const name of promised ? oldRequired : []) {
    if (!nowRequired.includes(name)) breaks.push({ at: at || '/', why: `${name} is no longer promised` })
  }
  return breaks
}

/** Each earlier branch must still fit one of today's. */
function unionBreaks(before: JsonObject, after: JsonObject, promised: boolean, at: string): Break[] {
  const [old, now] = [branches(before), branches(after)]
  if (now.length === 0) return []
  if (old.length === 0) return [{ at: at || '/', why: 'only some shapes are accepted now' }]
  return old.flatMap((branch, index) => {
    const fits = now.some((candidate) => findBreaks(branch, candidate, promised).length === 0)
    return fits
      ? []
      : [{ at: `${at}/${before.oneOf ? 'oneOf' : 'anyOf'}/${index}`, why: 'the shape was removed or narrowed' }]
  })
}

function narrowedType(before: JsonObject, after: JsonObject): string | false {
  if (after.type === undefined) return false
  const now = [after.type].flat() as string[]
  if (before.type === undefined) return branches(before).length === 0 && `only ${now.join(' or ')} is accepted now`
  const lost = ([before.type].flat() as string[]).filter(
    (type) => !now.includes(type) && !(type === 'integer' && now.includes('number')),
  )
  return lost.length > 0 && `type ${lost.join(' and ')} is not accepted any more`
}

function narrowedValues(before: JsonObject, after: JsonObject): string | false {
  const [old, now] = [values(before), values(after)]
  if (!now) return false
  if (!old) return 'only listed values are accepted now'
  const lost = old.filter((value) => !now.includes(value))
  return lost.length > 0 && `${lost.join(' and ')} is not accepted any more`
}

function values({ const: only, enum: list }: JsonObject): string[] | undefined {
  if (only !== undefined) return [canonicalJson(only)]
  return Array.isArray(list) ? list.map((value) => canonicalJson(value)) : undefined
}

function branches({ anyOf, oneOf }: JsonObject): JsonObject[] {
  return ((anyOf ?? oneOf ?? []) as Json[]).map(asObject)
}

function bound(value: Json | undefined, missing: number): number {
  return typeof value === 'number' ? value : missing
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function asNames(value: Json | undefined): string[] {
  return Array.isArray(value) ? (value as string[]) : []
}

function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return canonicalJson(one) === canonicalJson(other)
}
