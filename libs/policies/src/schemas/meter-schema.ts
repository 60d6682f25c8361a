import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'
import type { Ajv } from 'ajv'
import type { WorkLimit } from '../pattern/work-limit.ts'

const meter = 'x-countersign-meter'
/** What applying any schema costs, in steps. */
const stepsOfOne = 10
/** Characters that are counted or compared in the time of one step. */
const charactersAStep = 16

/** Keywords whose value is a schema, a list of schemas, or schemas by name; all other values are data. */
const schemaKeywords = new Set([
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])
const listKeywords = new Set(['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'])
const mapKeywords = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
])
const referenceKeywords = ['$ref', '$dynamicRef', '$recursiveRef'] as const

/**
 * Makes a validator count every schema that it applies, by the size of the schema's own keywords and of the value it is applied to:
 * alternatives of alternatives, or references that multiply, make it judge the same long text more often than there is time for.
 *
 * @param first the keyword of the dialect that is judged before all others
 * @returns what prepares a schema for it, with each schema in it rewritten first, and throws an Error saying why it cannot be used
 */
export function meterSchema(
  ajv: Ajv,
  first: '$ref' | '$dynamicRef',
  limit: WorkLimit,
): (schema: JsonObject, rewrite: (schema: JsonObject) => JsonObject) => JsonObject {
  const validate = (steps: number, value: Json) => {
    limit.spend(steps + sizeOf(value))
    return true
  }
  ajv.addKeyword({ keyword: meter, schemaType: 'number', before: first, validate, errors: false })
  return (schema, rewrite) => {
    const places = new Places(rewrite)
    const metered = places.metered(schema, '#') as JsonObject
    places.checkReferences()
    return metered
  }
}

/**
 * How much of a value its own keywords look at; what is inside is counted where the schemas inside are applied. A text is at most counted or
 * compared, many characters in the time of a step; patterns and formats count their own.
 */
function sizeOf(value: Json): number {
  if (typeof value === 'string') return Math.ceil(value.length / charactersAStep)
  if (Array.isArray(value)) return value.length
  return isJsonObject(value) ? Object.keys(value).length : 1
}

/** The places of one schema where schemas are: the only ones that references may lead to, since only there is counted. */
class Places {
  readonly #known = new Set<string>()
  readonly #references: string[] = []
  readonly #rewrite: (schema: JsonObject) => JsonObject

  constructor(rewrite: (schema: JsonObject) => JsonObject) {
    this.#rewrite = rewrite
  }

  metered(schema: Json, at: string): Json {
    if (!isJsonObject(schema)) return schema
    const value = this.#rewrite(schema)
    this.#known.add(at)
    for (const anchor of [value.$anchor, value.$dynamicAnchor])
      if (typeof anchor === 'string') this.#known.add(`#${anchor}`)
    for (const keyword of referenceKeywords) {
      const reference = value[keyword]
      if (typeof reference === 'string') this.#references.push(reference)
    }
    const members = Object.entries(value).map(([key, member]) => [key, this.#member(key, member, `${at}/${key}`)])
    return { [meter]: stepsOf(value), ...(Object.fromEntries(members) as JsonObject) }
  }

  /** @throws Error for a reference to what is no schema by its place, or to another document */
  checkReferences(): void {
    for (const reference of this.#references) {
      if (!this.#known.has(pointerOf(reference)))
        throw new Error(`it refers to ${JSON.stringify(reference.slice(0, 200))}, where it has no schema`)
    }
  }

  #member(key: string, value: Json, at: string): Json {
    if (Array.isArray(value)) {
      return listKeywords.has(key) ? value.map((item, index) => this.metered(item, `${at}/${index}`)) : value
    }
    if (schemaKeywords.has(key)) return this.metered(value, at)
    if (!mapKeywords.has(key) || !isJsonObject(value)) return value
    const named = Object.entries(value).map(([name, schema]) => [name, this.metered(schema, `${at}/${escaped(name)}`)])
    return Object.fromEntries(named) as JsonObject
  }
}

/** What the keywords of one schema cost, whatever they are applied to: lists of names, and texts to compare with. */
function stepsOf(schema: JsonObject): number {
  let steps = stepsOfOne
  for (const value of Object.values(schema)) {
    if (Array.isArray(value)) steps += value.length
    else if (isJsonObject(value)) steps += Object.keys(value).length
  }
  for (const compared of [schema.enum, schema.const])
    if (compared !== undefined) steps += Math.ceil(JSON.stringify(compared).length / charactersAStep)
  return steps
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A reference as its place is written here; fragments may be percent-encoded. */
function pointerOf(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    return reference
  }
}
