import { asyncApi } from './async-api.ts'
import { asyncApiFile, type ContractFiles } from './compare-versions.ts'
import { subjectTable } from './subject-table.ts'
import { toJsonSchema } from './to-json-schema.ts'
import { wireSchemas } from './wire-schemas.ts'

/** All generated files of the wire contract, by path relative to `proto/`. */
export function generate(): ContractFiles {
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`
  return new Map([
    ...wireSchemas.map((schema) => [`schemas/${schema.name}.json`, json(toJsonSchema(schema))] as const),
    [asyncApiFile, json(asyncApi())],
    ['subjects.md', subjectTable()],
  ])
}
