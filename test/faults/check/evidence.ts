import { type History, type JsonObject, recordKind, type SealedRecord } from '@countersign/contracts'
import type { StoredAt } from './check-history.ts'

/** A call as the tool server received it. */
export interface Received {
  /** The number of the call, from its arguments. */
  n: number
  tool: string
  arguments: JsonObject
  /** The whole request, byte for byte. */
  body: string
  /** When it had come. */
  at: string
}

/** How a caller was answered. */
export type Answer =
  | { kind: 'result'; status: string; code: string | undefined; callId: string | undefined; content: string }
  | { kind: 'error'; code: string; message: string }
  /** The connection broke before an answer came. */
  | { kind: 'none'; why: string }

/** It is not known whether the store took the call, and that is what was said. */
export function isUnacknowledged(answer: Answer): boolean {
  return answer.kind === 'result' && answer.status === 'unknown' && answer.code === 'store_unavailable'
}

/** One answer, and what it was for. */
export interface Told {
  n: number
  tool: string
  /** The idempotency key of the call. */
  key: string | undefined
  /** How often the call had been asked for when this answer came, this time included. */
  asked: number
  answer: Answer
}

/** A message of `CALLS`, read back. */
export interface StoredEvent {
  seq: number
  subject: string
  /** By the clock of nats-server. */
  storedAt: string
  /** SHA-256 over the canonical form of the event; undefined for what is not JSON. */
  digest: string | undefined
}

/** Everything that is known after a run. */
export interface Evidence {
  /** The history of each call, from the audit log and, where that has not got there, from `CALLS`. */
  calls: ReadonlyMap<string, History>
  /** What is in `CALLS` now, in order. */
  stored: readonly StoredEvent[]
  /** The clock of nats-server was set wrong, so that what it says of times is not judged. */
  storeClockWrong?: boolean
  /** The entries of the audit log on disk, in order. */
  log: readonly SealedRecord[]
  /** What the offline verifier says of the log folder; empty when it is whole. */
  logProblem: string
  /** What the verifier says of calls that were poisoned on purpose; the test that did it says what that must be. */
  problemsOfPoisoned: readonly string[]
  /** The messages of `AUDIT`, in order. */
  published: readonly SealedRecord[]
  received: readonly Received[]
  told: readonly Told[]
  /** The public key that grants verify with. */
  grantPublicPem: string
  /** Calls that the harness itself broke, by publishing what no service writes. */
  poisoned: ReadonlySet<string>
}

/** Something that must not be. */
export interface Violation {
  rule: string
  callId?: string
  detail: string
}

/** One rule, checked over a whole run. */
export type Rule = (evidence: Evidence) => Violation[]

/** The number of a call, from the arguments it was asked with; undefined where they are not inline. */
export function numberOf(history: History): number | undefined {
  const carried = history.find('requested')?.data.arguments
  return carried && 'inline' in carried ? Number(carried.inline.n) : undefined
}

/** The calls by the numbers of the requests they came from. */
export function callsByNumber({ calls, poisoned }: Evidence): Map<number, { callId: string; history: History }> {
  const byNumber = new Map<number, { callId: string; history: History }>()
  for (const [callId, history] of calls) {
    const n = numberOf(history)
    if (n !== undefined && !poisoned.has(callId)) byNumber.set(n, { callId, history })
  }
  return byNumber
}

/** When events of `CALLS` were stored: as it says itself, and as the log does where it has let go of them. Nothing where its clock was wrong. */
export function storedTimes({ log, stored, storeClockWrong }: Evidence): StoredAt {
  if (storeClockWrong) return new Map()
  const sealed = log.flatMap(({ record }) => (recordKind(record) === 'call' ? [record] : []))
  return new Map([
    ...sealed.map(({ stream, storedAt }) => [stream.seq, Date.parse(storedAt)] as const),
    ...stored.map(({ seq, storedAt }) => [seq, Date.parse(storedAt)] as const),
  ])
}

/** The names of a history in order, with the reason of its ending where there is one, for messages. */
export function path(history: History | undefined): string {
  const names = history?.entries.map(({ name }) => name) ?? []
  const ending =
    history?.find('denied')?.data.reason ?? (history?.find('failed') ?? history?.find('unknown'))?.data.error
  return `${names.join(' → ') || 'no history'}${ending ? ` (${ending.code}: ${ending.message})` : ''}`
}
