import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, ObjectSchema, ToolDefinition } from '@countersign/contracts'
import { type Era, modernEra } from '../wire/era.ts'
import { readParamHeaders } from '../wire/param-headers.ts'

/** A tool that its server describes in a way nobody can use. */
export interface InvalidTool {
  /** Its name as far as it has one, else its place in the list. */
  name: string
  reason: string
}

/** What a server offers. */
export interface ToolList {
  tools: ToolDefinition[]
  invalid: InvalidTool[]
  /** Invalid tools that are counted and not described. */
  moreInvalid: number
}

/** In the legacy era, what a tool gives is an object; clients refuse the whole list for another. */
const LegacyDefinition = ToolDefinition.extend({ outputSchema: ObjectSchema.optional() })

const maxInvalid = 100
const maxName = 256
const maxReason = 300

/** Gathers the tools of a list, page after page. One that is not valid is left out, not the whole server. */
export class ToolGatherer {
  readonly #pinned: ReadonlySet<string>
  readonly #era: Era
  /** By name; undefined for a name under which nothing is offered. */
  readonly #tools = new Map<string, ToolDefinition | undefined>()
  readonly #invalid = new Map<string, string>()
  #moreInvalid = 0
  #seen = 0

  /**
   * @param pinned names of tools that are described whenever they are invalid, however many others are
   * @param era in the modern one, a tool that asks for headers in a way that is not allowed must be left out
   */
  constructor(pinned: ReadonlySet<string>, era: Era) {
    this.#pinned = pinned
    this.#era = era
  }

  add(tool: unknown): void {
    this.#seen += 1
    const parsed = (this.#era === modernEra ? ToolDefinition : LegacyDefinition).safeParse(tool)
    if (parsed.success) {
      const fault = this.#faultOf(parsed.data)
      if (fault === undefined) this.#tools.set(parsed.data.name, parsed.data)
      else this.#refuse(parsed.data.name, fault)
      return
    }
    const name = isJsonObject(tool) && typeof tool.name === 'string' ? tool.name.slice(0, maxName) : ''
    const issue = parsed.error.issues[0]!
    const place = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
    this.#refuse(name === '' ? `(tool ${this.#seen} of the list)` : name, `${place}${issue.message}`)
  }

  #faultOf(tool: ToolDefinition): string | undefined {
    // The same definition again is the same tool, as when pages overlap.
    if (this.#tools.has(tool.name) && !isDeepStrictEqual(this.#tools.get(tool.name), tool))
      return 'another tool of the list has the same name'
    const headers = this.#era === modernEra ? readParamHeaders(tool.inputSchema) : undefined
    return headers !== undefined && 'fault' in headers ? headers.fault : undefined
  }

  #refuse(label: string, reason: string): void {
    this.#tools.set(label, undefined)
    const kept = this.#invalid.size < maxInvalid || this.#invalid.has(label) || this.#pinned.has(label)
    if (!kept) this.#moreInvalid += 1
    else this.#invalid.set(label, reason.slice(0, maxReason))
  }

  /** Of two tools with one name neither is offered: nobody could tell which would run. */
  get list(): ToolList {
    return {
      tools: [...this.#tools.values()].filter((tool) => tool !== undefined),
      invalid: Array.from(this.#invalid, ([name, reason]) => ({ name, reason })),
      moreInvalid: this.#moreInvalid,
    }
  }
}
