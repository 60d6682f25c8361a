import {
  isJsonObject,
  type Json,
  type JsonObject,
  type Redaction,
  redactedMark,
  redactionDigest,
  redactionSalt,
} from '@countersign/contracts'
import { findPlaces, parseJsonPath } from './json-path.ts'
import type { RedactionRule } from './redaction-rules.ts'

/** What a redaction knows of the event it works on. */
export interface RedactedEvent {
  tenant: string
  server: string | undefined
  stream: { created: string; seq: number }
}

/** Where in an event's data the parts lie that rules speak of. */
const partsOf: Record<RedactionRule['in'], readonly string[][]> = {
  arguments: [
    ['arguments', 'inline'],
    ['decision', 'facts', 'args'],
  ],
  result: [['result', 'inline']],
  facts: [['decision', 'facts']],
  event: [[]],
}

/** Takes out of events what must not be sealed. */
export class Redactor {
  readonly #rules: (Omit<RedactionRule, 'servers'> & { steps: ReturnType<typeof parseJsonPath>; servers: RegExp[] })[]
  readonly #key: Uint8Array

  /**
   * @param key the salts are made from
   * @throws Error for a path that cannot be read
   */
  constructor(rules: readonly RedactionRule[], key: Uint8Array) {
    this.#rules = rules.map((rule) => ({
      ...rule,
      steps: parseJsonPath(rule.path),
      // Names are DNS labels; whatever else is in a glob stands for itself.
      servers: rule.servers.map((glob) => new RegExp(`^${glob.replaceAll(/[^\w*-]/g, '\\$&').replaceAll('*', '.*')}$`)),
    }))
    this.#key = key
  }

  /** Takes out all of an event's data. */
  redactAll(event: JsonObject, about: RedactedEvent): Redaction[] {
    const path = '/data'
    const digest = redactionDigest(redactionSalt(this.#key, { ...about, path }), event['data']!)
    event['data'] = redactedMark
    return [{ path, digest }]
  }

  /** Puts a mark where something is taken out of the event, in place, and says what was taken out. */
  redact(event: JsonObject, about: RedactedEvent): Redaction[] {
    const { data } = event
    const redactions = new Map<string, Redaction>()
    for (const { in: part, steps, servers } of this.#rules) {
      if (!servers.some((server) => server.test(about.server ?? ''))) continue
      for (const path of partsOf[part]) {
        const inner = path.reduce<Json | undefined>(
          (value, key) => (isJsonObject(value) ? value[key] : undefined),
          data,
        )
        if (inner === undefined) continue
        for (const { holder, key, pointer } of findPlaces(inner, steps)) {
          const at = ['', 'data', ...path].join('/') + pointer
          const members = holder as Record<string | number, Json>
          // Taken out already, by another rule or with something around it.
          if (redactions.has(at)) continue
          const salt = redactionSalt(this.#key, { ...about, path: at })
          redactions.set(at, { path: at, digest: redactionDigest(salt, members[key]!) })
          members[key] = redactedMark
        }
      }
    }
    return [...redactions.values()]
  }
}
