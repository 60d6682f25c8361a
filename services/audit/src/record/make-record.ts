import { CallId, DnsLabel, isJsonObject, type Json, parseCallSubject, sha256 } from '@countersign/contracts'
import { canonicalText } from './canonical-text.ts'
import { noCall, type RecordText, recordText } from './record-text.ts'

/** A stored message of `CALLS`. */
export interface StoredMessage {
  subject: string
  data: Uint8Array
  seq: number
  storedAt: Date
}

/** Of a message that is not an event, this much is kept beside its digest. */
const keptBytes = 4096
/** Far over what an event may be (arguments above 256 KiB travel by reference), and under what one message may carry. */
const maxEventBytes = 4 * 1024 * 1024

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Labels seen to be good: there are few, and they come again with every event. */
const goodLabels = new Set<string>()
const maxLabels = 10_000

/**
 * Makes the record of a message. Whatever was stored gets one, so that nothing is passed over: a message that is not an event is
 * recorded as `cloudEvent: {malformed, digest, reason}` with its first bytes in base64.
 *
 * @param created when the stream was created, as the server says it
 */
export function makeRecord({ subject, data, seq, storedAt }: StoredMessage, created: string): RecordText {
  const address = parseCallSubject(subject)
  const known =
    address && isLabel(address.tenant) && isLabel(address.server) && CallId.safeParse(address.callId).success
      ? address
      : undefined
  const { tenant, server, callId } = known ?? noCall
  const head = {
    tenant,
    server,
    callId,
    event: known?.event ?? 'invalid',
    storedAt: storedAt.toISOString(),
    seq,
    created,
  }
  return recordText(head, known ? eventText(data) : malformed(data, 'the subject names no call', subject))
}

function isLabel(name: string): boolean {
  if (goodLabels.has(name)) return true
  if (!DnsLabel.safeParse(name).success) return false
  if (goodLabels.size < maxLabels) goodLabels.add(name)
  return true
}

function eventText(data: Uint8Array): string {
  try {
    const source = decoder.decode(data)
    const event = JSON.parse(source) as Json
    const reason = notAnEvent(event)
    if (reason !== undefined) return malformed(data, reason)
    const text = canonicalText(event, source)
    // A UTF-16 code unit takes three bytes at most; only a text that could be too long is measured.
    const tooLong = text.length * 3 > maxEventBytes && Buffer.byteLength(text) > maxEventBytes
    return tooLong ? malformed(data, `longer than ${maxEventBytes} bytes`) : text
  } catch {
    return malformed(data, 'not JSON that has a canonical form')
  }
}

/** Why a value is not an event. A look at the members, not a schema: this is done for every event of every call. */
function notAnEvent(value: Json): string | undefined {
  if (!isJsonObject(value)) return 'not a JSON object'
  const { id, type, data } = value
  if (typeof id !== 'string' || typeof type !== 'string' || !isJsonObject(data)) return 'not a CloudEvent with data'
  return undefined
}

function malformed(data: Uint8Array, reason: string, subject?: string): string {
  const kept = Buffer.from(data.subarray(0, keptBytes)).toString('base64')
  const members = { digest: sha256(data), malformed: kept, reason, ...(subject === undefined ? {} : { subject }) }
  return JSON.stringify(members)
}
