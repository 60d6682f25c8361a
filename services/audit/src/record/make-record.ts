import {
  canonicalJson,
  type EncryptedPlace,
  isJsonObject,
  type Json,
  type JsonObject,
  type Redaction,
  sha256,
} from '@countersign/contracts'
import { maxEntryBytes } from '@countersign/tlog'
import { canonicalText } from './canonical-text.ts'
import { type Encryptor, KeysUnavailable } from './encrypt/encryptor.ts'
import type { RedactedEvent, Redactor } from './redact/redactor.ts'
import type { RecordSource } from './record-source.ts'
import { type MemberTexts, type RecordHead, type RecordText, writeRecord } from './record-text.ts'
import type { Sections } from './sections-of.ts'
import { type FetchedContent, withContents } from './stored-content.ts'
import { toldEvent } from './told-event.ts'

/** A stored message of a source's stream. */
export interface StoredMessage {
  subject: string
  data: Uint8Array
  seq: number
  storedAt: Date
}

/** Where a record stands in the stream: which one it is, and what was sealed before. */
export interface StreamPlace {
  /** When the stream was created, as the server says it. */
  created: string
  previous: number
}

/** Of a message that is not an event, this much is kept beside its digest. */
const keptBytes = 4096
/** Far over what an event may be as it is stored (content above 256 KiB travels by reference), and under what one message may carry. */
const maxEventBytes = 4 * 1024 * 1024

/** An entry must hold what it says about places; of an event with more of them everything is taken out, or encrypted, at once. */
const maxPlacesLength = 20_000
const maxSubjectLength = 256

/** What is done to an event before it is sealed. */
export interface Protection {
  /** Takes out what must not be sealed; of a message that is not an event only the digest is kept then. */
  redactor?: Redactor | undefined
  /** Encrypts what is personal; of a message that is not an event only the digest is kept then. */
  encryptor?: Encryptor | undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Makes the record of a message. Whatever was stored gets one, so that nothing is passed over: a message that is not an event is
 * recorded as `cloudEvent: {malformed, digest, reason}` with its first bytes in base64.
 *
 * @param contents what stands in the event by reference, and is sealed in the place of the reference
 * @throws KeysUnavailable when something is to be encrypted and its key cannot be had
 */
export function makeRecord(
  source: RecordSource,
  message: StoredMessage,
  place: StreamPlace,
  protection: Protection = {},
  contents: readonly FetchedContent[] = [],
): RecordText {
  const { subject, data, seq, storedAt } = message
  const known = source.addressOf(subject)
  const { tenant, server, callId, event } = known ?? { ...source.unaddressed, event: 'invalid' }
  const { stream } = source.consumer
  const address = { tenant, server, callId, event }
  const stored = { created: place.created, seq }
  const head = { ...address, kind: source.kind, stream, storedAt: storedAt.toISOString(), seq, ...place }
  const keep = protection.redactor || protection.encryptor ? 0 : keptBytes
  if (!known) return recordOf(head, {}, malformed(data, keep, `the subject is none of ${stream}`, subject))
  try {
    const text = decoder.decode(data)
    const parse = () => withContents(source.toCloudEvent(JSON.parse(text) as Json, address, stored), contents)
    const parsed = parse()
    const reason = notAnEvent(parsed)
    if (reason !== undefined) return recordOf(head, {}, malformed(data, keep, reason))
    const { cloudEvent, members } = protectEvent(
      protection,
      { event: parsed as JsonObject, again: () => parse() as JsonObject },
      { tenant, server, callId, storedAt, stream: stored },
      (said, places) => memberTexts(source.sectionsOf(event, said), places, text),
    )
    const canonical = canonicalText(cloudEvent, text)
    // A UTF-16 code unit takes three bytes at most; only a text that could be too long is measured.
    const mayBeTooLong = contents.length === 0 && canonical.length * 3 > maxEventBytes
    if (mayBeTooLong && Buffer.byteLength(canonical) > maxEventBytes)
      return recordOf(head, {}, malformed(data, keep, `longer than ${maxEventBytes} bytes`))
    return recordOf(head, members, canonical)
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error
    return recordOf(head, {}, malformed(data, keep, 'not JSON that has a canonical form'))
  }
}

/** Redacts, then encrypts what is left; says what the record has besides its event. */
function protectEvent(
  { redactor, encryptor }: Protection,
  { event, again }: { event: JsonObject; again: () => JsonObject },
  about: RedactedEvent & { callId: string | undefined; storedAt: Date },
  membersOf: (event: JsonObject, places: Places) => MemberTexts,
): { cloudEvent: JsonObject; members: MemberTexts } {
  // Whose it is is read before it could be redacted: the content stays erasable.
  const personal = encryptor && { ...about, subject: subjectOf(event, about.callId) }
  const redactions = redactor?.redact(event, about) ?? []
  const encrypted = personal ? encryptor.encrypt(event, personal) : []
  const members = membersOf(event, { redactions, encrypted })
  if (isTooLong(members.redactions)) {
    const whole = again()
    const { encrypted: _none, ...others } = members
    return { cloudEvent: whole, members: { ...others, redactions: canonicalJson(redactor!.redactAll(whole, about)) } }
  }
  if (isTooLong(members.encrypted)) {
    const whole = again()
    redactor?.redact(whole, about)
    const places = encryptor!.encryptAll(whole, personal!)
    return { cloudEvent: whole, members: { ...members, encrypted: canonicalJson(places as unknown as Json) } }
  }
  return { cloudEvent: event, members }
}

function isTooLong(places: string | undefined): boolean {
  return (places?.length ?? 0) > maxPlacesLength
}

/** On whose behalf a call is made, or who did what an activity tells; what a service did by itself is nobody's. */
function subjectOf({ data, source }: JsonObject, callId: string | undefined): string {
  const { principal, by } = isJsonObject(data) ? data : {}
  const doer = typeof by === 'string' && source !== `/services/${by}` ? by : ''
  const subject = callId === undefined ? doer : principal
  return typeof subject === 'string' && subject.length <= maxSubjectLength ? subject : ''
}

/** Places of an event where something was done to it. */
interface Places {
  redactions: Redaction[]
  encrypted: EncryptedPlace[]
}

function memberTexts(said: Sections, { redactions, encrypted }: Places, source: string): MemberTexts {
  const members: MemberTexts = {}
  const sections = {
    ...said,
    ...(redactions.length === 0 ? {} : { redactions }),
    ...(encrypted.length === 0 ? {} : { encrypted }),
  }
  for (const [key, value] of Object.entries(sections)) {
    members[key as keyof MemberTexts] = canonicalText(value as Json, source)
  }
  return members
}

/** A record that is longer than an entry may be is sealed without its event, whose digest stands for it. */
function recordOf(head: RecordHead, members: MemberTexts, cloudEvent: string): RecordText {
  const text = writeRecord(head, members, cloudEvent)
  if (text.length * 3 <= maxEntryBytes) return { ...head, text, entry: Buffer.from(text), content: undefined }
  const whole = text.length <= maxEntryBytes ? Buffer.from(text) : undefined
  if (whole && whole.length <= maxEntryBytes) return { ...head, text, entry: whole, content: undefined }
  const bytes = Buffer.from(cloudEvent)
  const digest = sha256(bytes)
  const content = `{"digest":"${digest}","size":${bytes.length}}`
  let kept: MemberTexts = { ...members, content }
  let entry = Buffer.from(writeRecord(head, kept, undefined))
  if (entry.length > maxEntryBytes) {
    // Then it is the members read out of the event: all that they say stands in the event too.
    const { redactions, encrypted } = members
    kept = {
      content,
      ...(redactions === undefined ? {} : { redactions }),
      ...(encrypted === undefined ? {} : { encrypted }),
    }
    entry = Buffer.from(writeRecord(head, kept, undefined))
  }
  const told = toldEvent(bytes.length, () => cloudEvent)
  return { ...head, text: writeRecord(head, kept, told), entry, content: { digest, bytes } }
}

/** Why a value is not an event. A look at the members, not a schema: this is done for every event of every call. */
function notAnEvent(value: Json): string | undefined {
  if (!isJsonObject(value)) return 'not a JSON object'
  const { id, type, data } = value
  if (typeof id !== 'string' || typeof type !== 'string' || !isJsonObject(data)) return 'not a CloudEvent with data'
  return undefined
}

function malformed(data: Uint8Array, keep: number, reason: string, subject?: string): string {
  const kept = Buffer.from(data.subarray(0, keep)).toString('base64')
  const members = { digest: sha256(data), malformed: kept, reason, ...(subject === undefined ? {} : { subject }) }
  return JSON.stringify(members)
}
