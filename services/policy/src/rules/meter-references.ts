import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'
import type { Ajv } from 'ajv'
import type { WorkLimit } from '@countersign/policies'

const meter = 'x-countersign-meter'
/** What following a reference costs, in steps. */
const steps = 10

/**
 * Makes a validator count each reference that it follows: a schema that refers to itself twice in one `anyOf` makes it try more
 * combinations than there is time for.
 *
 * @param first the keyword of the dialect that is judged before all others
 * @returns what prepares a schema for it
 */
export function meterReferences(
  ajv: Ajv,
  first: '$ref' | '$dynamicRef',
  limit: WorkLimit,
): (schema: JsonObject) => JsonObject {
  const validate = () => {
    limit.spend(steps)
    return true
  }
  ajv.addKeyword({ keyword: meter, schemaType: 'boolean', before: first, validate, errors: false })
  return (schema) => withMeters(schema) as JsonObject
}

/** Also where a schema has data: a reference may point anywhere, and what is data by its place may be a schema by another's pointer. */
function withMeters(value: Json): Json {
  if (Array.isArray(value)) return value.map(withMeters)
  if (!isJsonObject(value)) return value
  const refers = typeof value.$ref === 'string' || typeof value.$dynamicRef === 'string'
  const members = Object.entries(value).map(([key, member]) => [key, withMeters(member)])
  return Object.fromEntries(refers ? [[meter, true], ...members] : members)
}
