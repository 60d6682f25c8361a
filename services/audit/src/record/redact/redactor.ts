import {
  type Json,
  type JsonObject,
  type Redaction,
  redactedMark,
  redactionDigest,
  redactionSalt,
} from '@countersign/contracts'
import { EventRules, type NarrowRule } from '../event-rules.ts'

/** What a redaction knows of the event it works on. */
export interface RedactedEvent {
  tenant: string
  server: string | undefined
  callId?: string | undefined
  stream: { created: string; seq: number }
}

/** Takes out of events what must not be sealed. */
export class Redactor {
  readonly #rules: EventRules
  readonly #key: Uint8Array

  /**
   * @param key the salts are made from
   * @throws Error for a path that cannot be read, or that names everything
   */
  constructor(rules: readonly NarrowRule[], key: Uint8Array) {
    const whole = rules.find(({ path }) => path === '$')
    if (whole) throw new Error(`the path $ names all of ${whole.in}: name what is to be taken out`)
    this.#rules = new EventRules(rules)
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
    const redactions = new Map<string, Redaction>()
    for (const { holder, key, pointer: path } of this.#rules.placesIn(event['data']!, about)) {
      const members = holder as Record<string | number, Json>
      // Taken out already, by another rule or with something around it.
      if (redactions.has(path)) continue
      const salt = redactionSalt(this.#key, { ...about, path })
      redactions.set(path, { path, digest: redactionDigest(salt, members[key]!) })
      members[key] = redactedMark
    }
    return [...redactions.values()]
  }
}
