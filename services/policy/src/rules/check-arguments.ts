import type { JsonObject } from '@countersign/contracts'
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { PinnedTool } from './facts.ts'

/** Compiled schemas kept; a definition's digest names exactly one. */
const maxCompiled = 5000
const maxErrorsTold = 5

const options: Options = {
  strict: false,
  // One error is enough to refuse; gathering all of them would let a caller buy time with a long list.
  allErrors: false,
  // Members every object inherits are not arguments.
  ownProperties: true,
  // One definition's `$id` is nothing another may refer to.
  addUsedSchema: false,
  logger: false,
}
const withFormats = addFormats as unknown as (ajv: Ajv) => unknown

/**
 * Checks arguments against the pinned `inputSchema` of tools: JSON Schema 2020-12, or draft-07 where `$schema` says so. Compiles once a
 * definition; fetches nothing.
 */
export class ArgumentChecks {
  readonly #drafts = { latest: new Ajv2020(options), draft07: new Ajv(options) }
  readonly #compiled = new Map<string, ValidateFunction | { unusable: string }>()

  constructor() {
    withFormats(this.#drafts.latest)
    withFormats(this.#drafts.draft07)
  }

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
    if ('unusable' in validate) {
      return `the tool's own schema cannot be used (${validate.unusable}); whoever runs the tool server must mend it`
    }
    if (validate(value)) return undefined
    return `${told(validate.errors ?? [])}; correct them and call again`
  }

  #compile(schema: JsonObject): ValidateFunction | { unusable: string } {
    const { $schema, $async } = schema
    if ($async !== undefined) return { unusable: 'it is asynchronous' }
    const draft07 = typeof $schema === 'string' && /^https?:\/\/json-schema\.org\/draft-07\//.test($schema)
    const ajv = draft07 ? this.#drafts.draft07 : this.#drafts.latest
    try {
      return ajv.compile(schema)
    } catch (error) {
      return { unusable: (error as Error).message.slice(0, 300) }
    } finally {
      ajv.removeSchema(schema)
    }
  }
}

function told(errors: readonly ErrorObject[]): string {
  const lines = errors.slice(0, maxErrorsTold).map(({ instancePath, message, keyword, params }) => {
    const what = keyword === 'additionalProperties' ? ` ("${String(params.additionalProperty)}")` : ''
    return `${instancePath || 'the arguments'} ${message ?? 'do not fit'}${what}`
  })
  const more = errors.length - lines.length
  return lines.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
