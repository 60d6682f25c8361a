import { nearest } from '@countersign/config'
import { z } from 'zod'
import type { Path } from './parse-documents.ts'

/** A key that the schema does not have at this place, whatever else the mapping says. */
export interface UnknownKey {
  /** The mapping it stands in. */
  at: Path
  key: string
  /** The key that was probably meant. */
  meant: string | undefined
  /** The key of the same mapping under which this one would be right. */
  under: string | undefined
  /** What may stand here. */
  known: string[]
}

/**
 * Finds the keys that no reading of the schema allows. The schema's own errors do not do: a union that lacks its misspelt
 * discriminator reports the one that is missing, and nothing of the one that is there.
 */
export function findUnknownKeys(schema: z.ZodType, value: unknown, at: Path = []): UnknownKey[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray) {
    if (!Array.isArray(value)) return []
    return value.flatMap((item, index) => findUnknownKeys(inner.element as z.ZodType, item, [...at, index]))
  }
  const shape = shapeOf(inner)
  if (!shape || typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const known = Object.keys(shape)
  return Object.entries(value).flatMap(([key, member]) => {
    const expected = Object.hasOwn(shape, key) ? shape[key] : undefined
    if (expected) return findUnknownKeys(expected, member, [...at, key])
    const free = known.filter((each) => !Object.hasOwn(value, each))
    const under = known.find((each) => Object.hasOwn(shapeOf(unwrap(shape[each]!)) ?? {}, key))
    return [{ at, key, meant: nearest(key, free), under, known }]
  })
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema
}

/** The members of a mapping; of a union, those of all its options together. */
function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return undefined
  return Object.assign({}, ...schema.options.map((option) => shapeOf(option as z.ZodType))) as Record<string, z.ZodType>
}
