import { digestOf, type JsonObject, type ToolDefinition } from '@countersign/contracts'
import { ArgumentChecks, outputSchemaProblem } from '@countersign/policies/schemas'

/** Schemas of which it is remembered what was found. */
const maxKnown = 50_000

/**
 * Finds out whether a tool could ever be used: policy refuses all arguments of one whose schema it cannot judge, and clients throw a whole
 * list away for an output schema that they cannot compile. Looks at a schema once.
 */
export class DefinitionChecks {
  readonly #arguments = new ArgumentChecks()
  readonly #known = new Map<string, string | undefined>()

  /** Why a definition cannot be used; undefined when it can. */
  problemOf({ inputSchema, outputSchema }: ToolDefinition): string | undefined {
    const key = digestOf([inputSchema, outputSchema ?? null])
    if (this.#known.has(key)) return this.#known.get(key)
    const problem = this.#find(inputSchema, outputSchema)
    if (this.#known.size >= maxKnown) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(key, problem)
    return problem
  }

  #find(inputSchema: JsonObject, outputSchema: JsonObject | undefined): string | undefined {
    const input = this.#arguments.problemOf(inputSchema)
    if (input !== undefined) return `its inputSchema cannot be judged: ${input}`
    // One that is of no object is not shown to clients.
    const output = outputSchema?.type === 'object' ? outputSchemaProblem(outputSchema) : undefined
    return output === undefined ? undefined : `its outputSchema cannot be compiled: ${output}`
  }
}
