import { z } from 'zod'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { WireSchema } from './wire-schemas.ts'

/** Formats that JSON Schema 2020-12 knows, of those zod writes. */
const knownFormats = new Set(['date-time', 'uri'])

/**
 * Writes a schema as JSON Schema 2020-12, self-contained, as seen by who writes such a message: members with a default are
 * optional, and unknown members are tolerated unless the schema is strict.
 *
 * @throws Error naming the place of a type that JSON Schema cannot hold
 */
export function toJsonSchema({ name, meaning, schema }: WireSchema): JsonObject {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => simplify(zodSchema, jsonSchema as Record<string, unknown>),
  })
  const json = {
    $schema,
    $id: `https://countersign.dev/schemas/${name}.json`,
    title: name,
    description: meaning,
    ...rest,
  }
  refuseEmpty(rest as JsonObject, name)
  return json as unknown as JsonObject
}

function simplify(zodSchema: z.core.$ZodTypes, json: Record<string, unknown>): void {
  if (json.format === 'date-time') {
    // Calendar arithmetic in a pattern helps nobody; the format says it, the pattern says UTC.
    json.pattern = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$'
  }
  const { protocol } = zodSchema._zod.def as { protocol?: RegExp }
  if (json.format === 'uri' && protocol) json.pattern = `${protocol.source.replace(/\$$/, '')}:`
  if (typeof json.format === 'string' && !knownFormats.has(json.format)) delete json.format
  // Member names are strings anyway.
  if (JSON.stringify(json.propertyNames) === '{"type":"string"}') delete json.propertyNames
}

/** A type without a form in JSON Schema becomes `{}`, which accepts everything: only members nobody named may be so. */
function refuseEmpty(json: Json, at: string): void {
  if (Array.isArray(json)) json.forEach((item, index) => refuseEmpty(item, `${at}/${index}`))
  if (!isJsonObject(json)) return
  for (const [key, value] of Object.entries(json)) {
    const unnamed = ['additionalProperties', 'default', 'properties'].includes(key)
    if (!unnamed && isJsonObject(value) && Object.keys(value).length === 0) {
      throw new Error(`${at}/${key} has no form in JSON Schema; give its zod schema a type with .meta({ type: … })`)
    }
    if (key !== 'default') refuseEmpty(value, `${at}/${key}`)
  }
}
