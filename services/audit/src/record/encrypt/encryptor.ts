import {
  callIdTimeMs,
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
import { canonicalTextOf } from '../canonical-text.ts'
import { type EventRule, EventRules } from '../event-rules.ts'
import type { RedactedEvent } from '../redact/redactor.ts'

/** What encryption knows of the event it works on. */
export interface PersonalEvent extends RedactedEvent {
  /** On whose behalf the call is made, or who it was that an activity is about; empty where the event does not say. */
  subject: string
  storedAt: Date
}

type PersonalCall = PersonalEvent & { callId: string }

/** Thrown when keys cannot be had: then the event is not sealed, rather than sealed without its content or in the clear. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

const maxWrapped = 10_000
/** What rules call all of an event's data. */
const wholeEvents: ReadonlySet<EventRule['in']> = new Set(['event', 'activity'])

type Members = Record<string | number, Json>

/** Encrypts what is personal in events, before they are sealed, with keys of whom it is about. */
export class Encryptor {
  readonly #ofCalls: EventRules
  readonly #ofActivities: EventRules
  readonly #keys: SubjectKeys
  readonly #keks: KeyEncryptionKeys
  readonly #wrappedBefore = new BoundedMap<string, string>(maxWrapped)

  /** @throws Error for a path that cannot be read, or that names all of an event */
  constructor(rules: readonly EventRule[], keys: SubjectKeys, keks: KeyEncryptionKeys) {
    const all = rules.find(({ in: part, path }) => wholeEvents.has(part) && path === '$')
    if (all) throw new Error(`the path $ names all of ${all.in}: name what is to be encrypted`)
    this.#ofCalls = new EventRules(rules.filter((rule) => rule.in !== 'activity'))
    this.#ofActivities = new EventRules(rules.filter((rule) => rule.in === 'activity'))
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

  /** Puts ciphertext where something is personal, in place, and says where. In a call the digests of what was encrypted are wrapped. */
  encrypt(event: JsonObject, about: PersonalEvent): EncryptedPlace[] {
    const data = event['data']!
    const { callId } = about
    if (callId === undefined) return this.#encryptPlaces(this.#ofActivities, data, about)
    const parts = this.#ofCalls.partsNamed(data, about)
    if (parts.size === 0) return []
    const ofCall = { ...about, callId }
    const encrypted = this.#encryptPlaces(this.#ofCalls, data, about)
    if (parts.has('arguments') || parts.has('event')) encrypted.push(...this.#hideArgumentsDigest(data, ofCall))
    if (parts.has('result') || parts.has('event'))
      encrypted.push(
        ...this.#wrap(data, ['resultDigest'], 'result', ofCall),
        ...this.#wrapReference(data, 'result', ofCall),
      )
    return encrypted
  }

  /** Encrypts all of an event's data. */
  encryptAll(event: JsonObject, about: PersonalEvent): EncryptedPlace[] {
    const kind = about.callId === undefined ? 'activity' : 'event'
    return [this.#encryptMember(event, 'data', '/data', kind, about)]
  }

  #encryptPlaces(rules: EventRules, data: Json, about: PersonalEvent): EncryptedPlace[] {
    const places = new Map<string, EncryptedPlace>()
    for (const { in: kind, holder, key, pointer } of rules.placesIn(data, about)) {
      if (!places.has(pointer)) places.set(pointer, this.#encryptMember(holder as Members, key, pointer, kind, about))
    }
    return [...places.values()]
  }

  /** Everywhere an event has it. A grant's signature is over it, so who knows the rest of a grant could guess at it by the signature. */
  #hideArgumentsDigest(data: Json, about: PersonalCall): EncryptedPlace[] {
    const kind = 'arguments'
    const grant = isJsonObject(data) ? data['grant'] : undefined
    const claims = isJsonObject(grant) ? grant['claims'] : undefined
    const approvals = isJsonObject(claims) && Array.isArray(claims['approvals']) ? claims['approvals'] : []
    return [
      ...this.#wrap(data, ['digest', 'previewDigest'], kind, about),
      ...this.#wrapReference(data, kind, about),
      ...this.#wrap(claims, ['digest'], kind, about, '/grant/claims'),
      ...approvals.flatMap((each, at) => this.#wrap(each, ['digest'], kind, about, `/grant/claims/approvals/${at}`)),
      ...(isJsonObject(grant) && grant['signature'] !== undefined
        ? [this.#encryptMember(grant, 'signature', '/data/grant/signature', kind, about)]
        : []),
    ]
  }

  /** Of content that was gone, and is sealed by reference. */
  #wrapReference(data: Json, part: 'arguments' | 'result', about: PersonalCall): EncryptedPlace[] {
    const content = isJsonObject(data) ? data[part] : undefined
    const stored = isJsonObject(content) ? content['stored'] : undefined
    return this.#wrap(stored, ['ref', 'digest'], part, about, `/${part}/stored`)
  }

  #wrap(
    holder: Json | undefined,
    names: readonly string[],
    kind: EventRule['in'],
    about: PersonalCall,
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
    const text = canonicalTextOf(holder[key]!)
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

/** The month (UTC) in which a call began, as far as its id says so, so that all of its events have the same keys; else that of the event. */
function periodOf({ callId, storedAt }: PersonalEvent): string {
  const beganMs = callId === undefined ? undefined : callIdTimeMs(callId)
  const began = Math.min(beganMs ?? Number.POSITIVE_INFINITY, storedAt.getTime())
  return new Date(began).toISOString().slice(0, 'yyyy-mm'.length)
}
