import type { JsonObject } from '@countersign/contracts'

/** What a schema is compiled as. */
export type Dialect = '2020-12' | '2019-09' | 'draft-07'

/** How a schema says what it is written in, and what becomes of it. */
interface Known {
  $schema: RegExp
  dialect: Dialect
  /** Rewrites one schema, those within apart, into the dialect that it is compiled as. */
  rewrite: (schema: JsonObject) => JsonObject
}

/** Draft-06 is draft-07 without some keywords; draft-04 has others for the name of a schema and for bounds that are not in the range. */
const known: readonly Known[] = [
  {
    $schema: /^https?:\/\/json-schema\.org\/(draft\/2020-12\/)?schema#?$/,
    dialect: '2020-12',
    rewrite: plain,
  },
  { $schema: /^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/, dialect: '2019-09', rewrite: plain },
  { $schema: /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/, dialect: 'draft-07', rewrite: plain },
  { $schema: /^https?:\/\/json-schema\.org\/draft-06\/schema#?$/, dialect: 'draft-07', rewrite: plain },
  { $schema: /^https?:\/\/json-schema\.org\/draft-04\/schema#?$/, dialect: 'draft-07', rewrite: fromDraft04 },
]

/**
 * What to compile a schema as; 2020-12 where it does not say what it is written in.
 *
 * @throws Error for what is none of the dialects of JSON Schema
 */
export function dialectOf({ $schema }: JsonObject): Pick<Known, 'dialect' | 'rewrite'> {
  if ($schema === undefined) return { dialect: '2020-12', rewrite: plain }
  const found = typeof $schema === 'string' ? known.find((each) => each.$schema.test($schema)) : undefined
  if (found) return found
  throw new Error(
    `its $schema ${JSON.stringify($schema).slice(0, 200)} is not known; known are 2020-12, 2019-09, draft-07, draft-06 and draft-04`,
  )
}

/** Without members that are none of the dialect, and that the library refuses all the same. */
function plain({ $schema: _dialect, id: _id, nullable, ...schema }: JsonObject): JsonObject {
  // Where there is a type, it is taken as OpenAPI means it.
  return nullable === undefined || schema.type === undefined ? schema : { ...schema, nullable }
}

function fromDraft04({ exclusiveMinimum, exclusiveMaximum, ...schema }: JsonObject): JsonObject {
  const rewritten = plain(schema)
  for (const [bound, exclusive, keyword] of [
    ['minimum', exclusiveMinimum, 'exclusiveMinimum'],
    ['maximum', exclusiveMaximum, 'exclusiveMaximum'],
  ] as const) {
    const value = exclusive === true ? schema[bound] : exclusive
    if (value === undefined || value === false) continue
    rewritten[keyword] = value
    if (exclusive === true) delete rewritten[bound]
  }
  return rewritten
}
