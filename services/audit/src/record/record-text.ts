import type { AuditRecord, AuditRecordV3, StreamName } from '@countersign/contracts'

/** What is looked at of a record without parsing the event in it. */
export interface RecordHead {
  kind: AuditRecordV3['kind']
  tenant: string
  server: string | undefined
  /** Of an event of a call, and of nothing else. */
  callId: string | undefined
  event: string
  /** When the event was stored, ISO 8601. */
  storedAt: string
  /** Where it comes from: the stream, its sequence there, and the one that was sealed before it. */
  stream: StreamName
  seq: number
  previous: number
  /** When that stream was created. */
  created: string
}

/** An `AuditRecord` as its RFC 8785 text. */
export interface RecordText extends RecordHead {
  text: string
  /** What is sealed: the text, or one without the event, which then is kept beside the log. */
  entry: Buffer
  content: { digest: string; bytes: Buffer } | undefined
}

/** Members of a record besides its head and its event, each as its RFC 8785 text. */
export type MemberTexts = Partial<
  Record<Exclude<keyof AuditRecordV3, keyof RecordHead | 'cloudEvent' | 'version'>, string>
>

/** Stands where a message's subject names no call; such a record keeps the subject in `cloudEvent`. */
export const noCall = { tenant: 'invalid', server: 'invalid', callId: '00000000-0000-7000-8000-000000000000' } as const
/** Stands where a message's subject names nothing that the stream is for. */
export const noActivity = { tenant: 'invalid', server: undefined, callId: undefined } as const

const callIdMember = '"callId":"'
const eventMember = ',"event":"'

/**
 * Writes the canonical text of an `AuditRecord` around the canonical text of its event, so that the event is serialised once.
 *
 * @param head tenant, server and call id must be what their schemas allow: they are spliced in as they are
 * @param cloudEvent undefined for an entry whose event is kept beside the log
 */
export function writeRecord(head: RecordHead, members: MemberTexts, cloudEvent: string | undefined): string {
  const { kind, tenant, server, callId, event, storedAt, stream: name, seq, previous, created } = head
  const stream = `{"created":${JSON.stringify(created)},"name":"${name}","previous":${previous},"seq":${seq}}`
  const before = (key: string, value: string | undefined) => (value === undefined ? '' : `"${key}":${value},`)
  const after = (key: string, value: string | undefined) => (value === undefined ? '' : `,"${key}":${value}`)
  const quoted = (text: string | undefined) => (text === undefined ? undefined : `"${text}"`)
  // In the order of RFC 8785.
  return (
    '{' +
    before('approvals', members.approvals) +
    before('callId', quoted(callId)) +
    before('cloudEvent', cloudEvent) +
    before('content', members.content) +
    before('decision', members.decision) +
    before('encrypted', members.encrypted) +
    before('event', JSON.stringify(event)) +
    before('execution', members.execution) +
    before('kind', `"${kind}"`) +
    before('outcome', members.outcome) +
    before('redactions', members.redactions) +
    before('resource', members.resource) +
    before('server', quoted(server)) +
    before('storedAt', `"${storedAt}"`) +
    before('stream', stream) +
    before('tenant', `"${tenant}"`) +
    before('time', members.time) +
    '"version":3' +
    after('what', members.what) +
    after('who', members.who) +
    '}'
  )
}

/** Reads the head of a canonical record text, or of what is around one; the event inside is passed over. */
export function readHead(text: string): RecordHead {
  // A quote inside any string is escaped, and of the members that come after it none has one of this name inside.
  const tail = JSON.parse(`{${text.slice(text.lastIndexOf(eventMember) + 1)}`) as AuditRecord
  const { event, server, storedAt, tenant } = tail
  const kind = tail.version === 2 ? 'call' : tail.kind
  const { seq, previous, created } = tail.stream
  const stream = tail.version === 2 ? 'CALLS' : (tail.stream.name as StreamName)
  const callIdAt = text.indexOf(callIdMember) + callIdMember.length
  const callId = kind === 'call' ? text.slice(callIdAt, callIdAt + 36) : undefined
  return { kind, tenant, server, callId, event, storedAt, stream, seq, previous, created }
}
