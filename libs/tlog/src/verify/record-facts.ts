import { type AuditRecord, type AuditRecordV3, CallId, isJsonObject, type Json } from '@countersign/contracts'

/** What the checks over all records need of one. */
export interface RecordFacts {
  /** Name of the stream that it comes from. */
  stream: string
  seq: number
  previous: number
  created: string
  /** Of an event of a call. */
  callId: string | undefined
  event: string
  storedMs: number
  /** When at the latest the call goes on, as far as this event says it; 0 where it says nothing. */
  dueMs: number
  content: { digest: string; size: number } | undefined
}

/** Once a tool may have run, its executor ends the call well within this. */
const dispatchedMs = 3600 * 1000

/**
 * Reads the facts of a record.
 *
 * @param tenant whose tree it is in
 * @throws Error saying why it is not a record of that tree
 */
export function readRecordFacts(entry: Buffer, tenant: string): RecordFacts {
  let record: Partial<AuditRecord>
  try {
    record = JSON.parse(entry.toString()) as Partial<AuditRecord>
  } catch {
    throw new Error('it is not JSON')
  }
  if (typeof record !== 'object' || record === null) throw new Error('it is not a JSON object')
  const { version, event, storedAt, content } = record
  if (version !== 2 && version !== 3) {
    throw new Error(`it is a record of version ${String(version)}, and only versions 2 and 3 are known`)
  }
  if (record.tenant !== tenant) throw new Error(`it is a record of another tenant, ${String(record.tenant)}`)
  const storedMs = Date.parse(storedAt ?? '')
  const { seq, previous, created, name } = (record.stream ?? {}) as Partial<AuditRecordV3['stream']>
  const stream = version === 2 ? 'CALLS' : name
  const valid = isPlace(seq) && seq > 0 && isPlace(previous) && typeof created === 'string' && typeof event === 'string'
  if (!valid || typeof stream !== 'string' || Number.isNaN(storedMs)) {
    throw new Error('it lacks what every record has: stream, event, storedAt')
  }
  const callId = callIdOf(record)
  return { stream, seq, previous, created, callId, event, storedMs, dueMs: dueMs(record, event, storedMs), content }
}

function callIdOf(record: Partial<AuditRecord>): string | undefined {
  if (record.version === 3 && record.kind === 'activity') return undefined
  const parsed = CallId.safeParse(record.callId)
  if (!parsed.success) throw new Error('it is of a call, and lacks its callId')
  return parsed.data
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function dueMs({ cloudEvent }: Partial<AuditRecord>, event: string, storedMs: number): number {
  if (event === 'dispatched') return storedMs + dispatchedMs
  const data = cloudEvent?.['data']
  if (!isJsonObject(data)) return 0
  const waits = [
    data['deadline'],
    member(data['approval'], 'expiresAt'),
    member(member(data['grant'], 'claims'), 'expiresAt'),
  ]
  return Math.max(0, ...waits.map((each) => (typeof each === 'string' ? Date.parse(each) || 0 : 0)))
}

function member(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) ? value[key] : undefined
}
