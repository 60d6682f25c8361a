import {
  callIdTimeMs,
  canonicalJson,
  type EncryptedPlace,
  encryptValue,
  isDigest,
  isJsonObject,
  type Json,
  type JsonObject,
  type SubjectKey,
  wrapDigest,
} from '@countersign/contracts'
import { BoundedMap, type KeyEncryptionKeys, type SubjectKeys } from '@countersign/subject-keys'
import { type EventRule, EventRules } from '../event-rules.ts'
import type { RedactedEvent } from '../redact/redactor.ts'

/** What encryption knows of the event it works on. */
export interface PersonalEvent extends RedactedEvent {
  callId: string
  /** On whose behalf the call is made; empty where the event does not say. */
  subject: string
  storedAt: Date
}

/** Thrown when keys cannot be had: then the event is not sealed, rather than sealed without its content or in the clear. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

const maxWrapped = 10_000

type Members = Record<string | number, Json>

/** Encrypts what is personal in events, before they are sealed, with keys of whom it is about. */
export class Encryptor {
  readonly #rules: EventRules
  readonly #keys: SubjectKeys
  readonly #keks: KeyEncryptionKeys
  readonly #wrappedBefore = new BoundedMap<string, string>(maxWrapped)

  /** @throws Error for a path that cannot be read, or that names all of an event */
  constructor(rules: readonly EventRule[], keys: SubjectKeys, keks: KeyEncryptionKeys) {
    if (rules.some((rule) => rule.in === 'event' && rule.path === '$')) {
      throw new Error('the path $ names all of event: name what is to be encrypted')
    }
    this.#rules = new EventRules(rules)
    this.#keys = keys
    this.#keks = keks
  }

  /** Takes up changed key-encryption keys; to be called before a batch of events. */
  refresh(): Promise<void> {
    return this.#keks.refresh()
  }

  /** Puts new keys on disk; to be called before anything that was encrypted is sealed (I12). */
  persist(): void {
    this.#keys.persist()
  }

  /** Puts ciphertext where something is personal, in place, and says where. The digests of what was encrypted are wrapped. */
  encrypt(event: JsonObject, about: PersonalEvent): EncryptedPlace[] {
    const data = event['data']!
    const parts = this.#rules.partsNamed(data, about)
    if (parts.size === 0) return []
    const places = new Map<string, EncryptedPlace>()
    for (const { in: kind, holder, key, pointer } of this.#rules.placesIn(data, about)) {
      if (!places.has(pointer)) places.set(pointer, this.#encryptMember(holder as Members, key, pointer, kind, about))
    }
    const encrypted = [...places.values()]
    if (parts.has('arguments') || parts.has('event')) encrypted.push(...this.#hideArgumentsDigest(data, about))
    if (parts.has('result') || parts.has('event'))
      encrypted.push(...this.#wrap(data, ['resultDigest'], 'result', about))
    return encrypted
  }

  /** Encrypts all of an event's data. */
  encryptAll(event: JsonObject, about: PersonalEvent): EncryptedPlace[] {
    return [this.#encryptMember(event, 'data', '/data', 'event', about)]
  }

  /** Everywhere an event has it. A grant's signature is over it, so who knows the rest of a grant could guess at it by the signature. */
  #hideArgumentsDigest(data: Json, about: PersonalEvent): EncryptedPlace[] {
    const kind = 'arguments'
    const grant = isJsonObject(data) ? data['grant'] : undefined
    const claims = isJsonObject(grant) ? grant['claims'] : undefined
    const approvals = isJsonObject(claims) && Array.isArray(claims['approvals']) ? claims['approvals'] : []
    return [
      ...this.#wrap(data, ['digest', 'previewDigest'], kind, about),
      ...this.#wrap(claims, ['digest'], kind, about, '/grant/claims'),
      ...approvals.flatMap((each, at) => this.#wrap(each, ['digest'], kind, about, `/grant/claims/approvals/${at}`)),
      ...(isJsonObject(grant) && grant['signature'] !== undefined
        ? [this.#encryptMember(grant, 'signature', '/data/grant/signature', kind, about)]
        : []),
    ]
  }

  #wrap(
    holder: Json | undefined,
    names: readonly string[],
    kind: EventRule['in'],
    about: PersonalEvent,
    below = '',
  ): EncryptedPlace[] {
    if (!isJsonObject(holder)) return []
    return names.flatMap((name) => {
      const value = holder[name]
      const path = `/data${below}/${name}`
      if (value === undefined) return []
      if (typeof value !== 'string' || !isDigest(value)) return [this.#encryptMember(holder, name, path, kind, about)]
      holder[name] = this.#wrapped(this.#keyFor(kind, about), about.callId, value)
      return [{ path }]
    })
  }

  /** The events of a call follow each other, and most have the same digest, some more than once. */
  #wrapped(key: SubjectKey, callId: string, digest: string): string {
    const name = `${key.id} ${callId} ${digest}`
    const known = this.#wrappedBefore.get(name)
    if (known !== undefined) return known
    const wrapped = wrapDigest(key, callId, digest)
    this.#wrappedBefore.set(name, wrapped)
    return wrapped
  }

  #encryptMember(
    holder: Members,
    key: string | number,
    path: string,
    kind: EventRule['in'],
    about: PersonalEvent,
  ): EncryptedPlace {
    const { tenant, stream } = about
    const text = canonicalJson(holder[key]!)
    const { jwe, digest } = encryptValue(this.#keyFor(kind, about), { tenant, stream, path }, text)
    holder[key] = jwe
    return { path, digest }
  }

  #keyFor(kind: EventRule['in'], about: PersonalEvent): SubjectKey {
    const { tenant, subject } = about
    try {
      return this.#keys.keyFor({ tenant, subject, kind, period: periodOf(about) })
    } catch (cause) {
      throw new KeysUnavailable(`what is personal cannot be encrypted: ${(cause as Error).message}`, { cause })
    }
  }
}

/** The month (UTC) in which a call began, as far as its id says so, so that all of its events have the same keys. */
function periodOf({ callId, storedAt }: PersonalEvent): string {
  const began = Math.min(callIdTimeMs(callId) ?? Number.POSITIVE_INFINITY, storedAt.getTime())
  return new Date(began).toISOString().slice(0, 'yyyy-mm'.length)
}
