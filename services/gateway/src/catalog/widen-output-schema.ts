import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'

/** The shape of `structuredContent` when Countersign answers in a tool's place; a call that was refused before it was stored has no id. */
export const ownResultSchema: JsonObject = {
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['pending', 'running', 'denied', 'cancelled', 'failed', 'unknown', 'refused'] },
    callId: { type: 'string' },
    message: { type: 'string' },
  },
  required: ['status', 'message'],
}

/**
 * Widens a tool's output schema by the shape of a pending or refused result: clients check `structuredContent` against what
 * `tools/list` said, and would throw a held call's answer away. Definitions are moved to the root so that references still
 * lead somewhere; a schema that refers to itself in another way cannot be moved, and is left out. So is one that is not of an object,
 * which only the modern era has: the schema in the list must be of one.
 */
export function widenOutputSchema(schema: JsonObject): JsonObject | undefined {
  const { $schema, $defs, definitions, ...rest } = schema
  if (schema.type !== 'object') return undefined
  if (hasOtherReference(rest) || hasOtherReference($defs ?? null) || hasOtherReference(definitions ?? null))
    return undefined
  return {
    ...(typeof $schema === 'string' ? { $schema } : {}),
    type: 'object',
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
    anyOf: [rest, ownResultSchema],
  }
}

function hasOtherReference(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasOtherReference)
  if (!isJsonObject(value)) return false
  return Object.entries(value).some(([key, member]) => {
    if (key === '$id' || key === '$anchor' || key === '$dynamicRef' || key === '$recursiveRef') return true
    if (key === '$ref' && typeof member === 'string') return !/^#\/(\$defs|definitions)\//.test(member)
    return hasOtherReference(member)
  })
}
