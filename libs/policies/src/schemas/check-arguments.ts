import { canonicalJson, type Json, type JsonObject, type ToolEntry } from '@countersign/contracts'
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { boundFormats } from './bound-formats.ts'
import { linearPattern } from '../pattern/linear-pattern.ts'
import { TooMuchWork, WorkLimit } from '../pattern/work-limit.ts'
import { type Dialect, dialectOf } from './dialects.ts'
import { meterSchema } from './meter-schema.ts'
import { Renewed } from './renewed.ts'

/** Compiled schemas kept; a definition's digest names exactly one. */
const maxCompiled = 5000
const maxErrorsTold = 5
/** What the patterns of one schema may have in instructions, and what matching one call's arguments may take in steps. */
const maxInstructions = 100_000
const maxSteps = 10_000_000

const options = {
  strict: false,
  // One error is enough to refuse; gathering all of them would let a caller buy time with a long list.
  allErrors: false,
  // Members every object inherits are not arguments.
  ownProperties: true,
  // One definition's `$id` is nothing another may refer to.
  addUsedSchema: false,
  // A copy of what is referred to at every place that does would make small schemas large programs.
  inlineRefs: false,
  logger: false,
} satisfies Options
const withFormats = addFormats as unknown as (ajv: Ajv) => unknown

/** The definition that callers see and grants are bound to. */
type PinnedTool = NonNullable<ToolEntry['pinned']>

/**
 * Checks arguments against the pinned `inputSchema` of tools: JSON Schema 2020-12, or the elder dialect that `$schema` names. Compiles once a
 * definition; fetches nothing. Schemas are third parties' and arguments hostile: patterns run in linear time, and what one check may cost
 * is bounded.
 */
export class ArgumentChecks {
  readonly #limits = { compile: new WorkLimit(maxInstructions), match: new WorkLimit(maxSteps) }
  readonly #dialects = new Renewed(() => this.#makeDialects())
  readonly #compiled = new Map<string, ValidateFunction | { unusable: string }>()

  /**
   * What arguments have against the schema; undefined when they fit. A schema that cannot be used refuses all arguments (I7).
   */
  check = ({ digest, definition }: PinnedTool, value: JsonObject): string | undefined => {
    let validate = this.#compiled.get(digest)
    if (!validate) {
      validate = this.#compile(definition.inputSchema)
      if (this.#compiled.size >= maxCompiled) this.#compiled.delete(this.#compiled.keys().next().value!)
      this.#compiled.set(digest, validate)
    }
    if ('unusable' in validate) return refusal(validate.unusable)
    this.#limits.match.renew()
    try {
      if (validate(value)) return undefined
    } catch (error) {
      // A schema that refers to itself for ever comes to the end of the stack before that of its steps.
      if (error instanceof RangeError) return this.#unusable(digest, 'it refers to itself without end')
      if (!(error instanceof TooMuchWork)) throw error
      return `checking them against the tool's schema takes too long (${error.message}); send shorter texts`
    }
    return `${told(validate.errors ?? [])}; correct them and call again`
  }

  #makeDialects(): Record<Dialect, { ajv: Ajv; prepare: ReturnType<typeof meterSchema> }> {
    const regExp = Object.assign((source: string) => linearPattern(source, this.#limits), { code: 'linearPattern' })
    const bounded = { ...options, code: { regExp } }
    const prepared = (ajv: Ajv, first: '$ref' | '$dynamicRef') => {
      withFormats(ajv)
      boundFormats(ajv, this.#limits.match)
      compareItemsOnce(ajv, this.#limits.match)
      return { ajv, prepare: meterSchema(ajv, first, this.#limits.match) }
    }
    return {
      '2020-12': prepared(new Ajv2020(bounded), '$dynamicRef'),
      '2019-09': prepared(new Ajv2019(bounded), '$dynamicRef'),
      'draft-07': prepared(new Ajv(bounded), '$ref'),
    }
  }

  #unusable(digest: string, why: string): string {
    this.#compiled.set(digest, { unusable: why })
    return refusal(why)
  }

  /** Why a schema cannot be used for any arguments; undefined when it can. Keeps nothing of it. */
  problemOf(schema: JsonObject): string | undefined {
    const compiled = this.#compile(schema)
    return 'unusable' in compiled ? compiled.unusable : undefined
  }

  #compile(schema: JsonObject): ValidateFunction | { unusable: string } {
    if (schema.$async !== undefined) return { unusable: 'it is asynchronous' }
    // The schema is itself checked against the schema of schemas, which has patterns.
    this.#limits.compile.renew()
    this.#limits.match.renew()
    let release: (() => unknown) | undefined
    try {
      const { dialect, rewrite } = dialectOf(schema)
      const { ajv, prepare } = this.#dialects.use()[dialect]
      // Without a name of its own the library does not find what `#` refers to.
      const named = { $id: 'urn:countersign:arguments', ...prepare(schema, rewrite) }
      release = () => ajv.removeSchema(named)
      return ajv.compile(named)
    } catch (error) {
      return { unusable: (error as Error).message.slice(0, 300) }
    } finally {
      release?.()
    }
  }
}

/** `uniqueItems` by canonical text; the library compares each item with each other one. */
function compareItemsOnce(ajv: Ajv, limit: WorkLimit): void {
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate(unique: boolean, items: Json[]) {
      if (!unique) return true
      const texts = new Set<string>()
      for (const item of items) {
        const text = canonicalJson(item)
        limit.spend(text.length)
        texts.add(text)
      }
      return texts.size === items.length
    },
    error: { message: 'must not have the same item twice' },
  })
}

function refusal(why: string): string {
  return `the tool's own schema cannot be used (${why}); whoever runs the tool server must mend it`
}

function told(errors: readonly ErrorObject[]): string {
  const lines = errors.slice(0, maxErrorsTold).map(({ instancePath, message, keyword, params }) => {
    const what = keyword === 'additionalProperties' ? ` ("${String(params.additionalProperty)}")` : ''
    return `${instancePath || 'the arguments'} ${message ?? 'do not fit'}${what}`
  })
  const more = errors.length - lines.length
  return lines.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
