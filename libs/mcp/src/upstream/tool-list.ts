import { isJsonObject, ToolDefinition } from '@countersign/contracts'
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

const maxInvalid = 100
const maxName = 256
const maxReason = 300

/** Gathers the tools of a list, page after page. One that is not valid is left out, not the whole server. */
export class ToolGatherer {
  readonly #pinned: ReadonlySet<string>
  readonly #era: Era
  readonly #tools = new Map<string, ToolDefinition>()
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
    const parsed = ToolDefinition.safeParse(tool)
    if (parsed.success) {
      const headers = this.#era === modernEra ? readParamHeaders(parsed.data.inputSchema) : { params: [] }
      if ('fault' in headers) this.#refuse(parsed.data.name, headers.fault)
      else this.#tools.set(parsed.data.name, parsed.data)
      return
    }
    const name = isJsonObject(tool) && typeof tool.name === 'string' ? tool.name.slice(0, maxName) : ''
    const issue = parsed.error.issues[0]!
    const place = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
    this.#refuse(name === '' ? `(tool ${this.#seen} of the list)` : name, `${place}${issue.message}`)
  }

  #refuse(label: string, reason: string): void {
    const kept = this.#invalid.size < maxInvalid || this.#invalid.has(label) || this.#pinned.has(label)
    if (!kept) this.#moreInvalid += 1
    else this.#invalid.set(label, reason.slice(0, maxReason))
  }

  /** Of two tools with one name, one of which is not valid, neither is offered: nobody could tell which would run. */
  get list(): ToolList {
    return {
      tools: [...this.#tools.values()].filter(({ name }) => !this.#invalid.has(name)),
      invalid: Array.from(this.#invalid, ([name, reason]) => ({ name, reason })),
      moreInvalid: this.#moreInvalid,
    }
  }
}
