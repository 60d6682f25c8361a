import {
  type AuditRecord,
  type CallStory,
  CountersignError,
  isJsonObject,
  type SealedRecord,
} from '@countersign/contracts'
import type { EntryPlace } from '@countersign/tlog'
import type { IndexedLog } from '../index/log-index.ts'
import { ask } from './ask.ts'
import { findCall } from './find-calls.ts'
import type { Reading } from './find-records.ts'
import { recordsOfCall } from './places-of-call.ts'

/** How much of a call is told at once. */
interface StoryLimits {
  /** What steps, rules and approvals may come to; the bus takes 8 MiB. A step has some 500 bytes, so these are some 12,000. */
  maxBytes: number
  /** How long reading may go on, in ms: large content is read to be opened, though none is told, and the console waits 15 s for all. */
  readingMs: number
  now: () => number
}

const usualLimits: StoryLimits = { maxBytes: 6 * 1024 * 1024, readingMs: 8000, now: () => performance.now() }

/**
 * Tells one call from end to end, from its first record on. One that is longer than an answer is told as far as it goes: then the first record that
 * is not in it is the one at `indexed`.
 *
 * @throws CountersignError `unknown_call` for a call that the tenant's log does not have
 */
export async function tellStory(
  index: IndexedLog,
  reading: Reading,
  { tenant, callId }: { tenant: string; callId: string },
  limits: StoryLimits = usualLimits,
): Promise<CallStory> {
  const { size, indexed } = index
  const { call, places } = await ask(async (deadline) => ({
    call: await findCall(index, { tenant, callId }, deadline),
    places: await recordsOfCall(index, callId, deadline),
  }))
  if (!call || places.length === 0) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  const { told, goesOnAt } = await tell(places, reading, limits)
  const { method, traceId, groups, delegation, outcome, approvals, steps } = told
  return {
    call,
    ...(method === undefined ? {} : { method }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(groups === undefined ? {} : { groups }),
    agents: delegation?.length ? delegation : [call.principal],
    rules: [...told.rules.values()],
    approvals,
    outcome,
    steps,
    size,
    indexed: goesOnAt ?? indexed,
  }
}

/** Reads the records of a call; resolves to what they say, and to the index of the first that it has no room for. */
async function tell(
  places: readonly EntryPlace[],
  { log, read }: Reading,
  { maxBytes, readingMs, now }: StoryLimits,
): Promise<{ told: Told; goesOnAt: number | undefined }> {
  const told = new Told()
  const begunMs = now()
  for await (const { index, text } of log.readEach(places)) {
    const isLate = told.steps.length > 0 && now() - begunMs > readingMs
    if (isLate || !told.take(read(text), maxBytes)) return { told, goesOnAt: index }
  }
  return { told, goesOnAt: undefined }
}

type Who = NonNullable<AuditRecord['who']>

/** What the records of a call say, taken one by one from the oldest on. The records are not kept: content of theirs may be large. */
class Told {
  readonly steps: CallStory['steps'] = []
  readonly approvals: CallStory['approvals'] = []
  /** What decided, each rule once. */
  readonly rules = new Map<string, CallStory['rules'][number]>()
  outcome: CallStory['outcome']
  method: CallStory['method']
  traceId: string | undefined
  groups: Who['groups']
  delegation: Who['delegation']
  #isAsked = false
  #bytes = 0

  /** Takes a record, unless with it this would be larger than it may be; the first is always taken. */
  take({ index, record }: SealedRecord, maxBytes: number): boolean {
    const rules = (record.decision?.rules ?? []).map((rule) => ({
      ...rule,
      policyRevision: record.decision!.policyRevision,
    }))
    const fresh = rules.map((rule) => [keyOf(rule), rule] as const).filter(([key]) => !this.rules.has(key))
    const approvals = record.event === 'voted' ? (record.approvals ?? []) : []
    const step = stepOf(index, record)
    this.#bytes += Buffer.byteLength(JSON.stringify([step, approvals, fresh]))
    if (this.steps.length > 0 && this.#bytes > maxBytes) return false
    this.steps.push(step)
    this.approvals.push(...approvals)
    for (const [key, rule] of fresh) this.rules.set(key, rule)
    this.#takeCall(record)
    return true
  }

  #takeCall({ event, who, what, outcome, cloudEvent }: AuditRecord): void {
    if (event === 'requested' && !this.#isAsked) {
      this.#isAsked = true
      this.groups = who?.groups
      this.delegation = who?.delegation
    }
    this.method ??= what?.method
    this.traceId ??= traceIdOf(cloudEvent)
    this.outcome = outcome ?? this.outcome
  }
}

function stepOf(index: number, record: AuditRecord): CallStory['steps'][number] {
  const { event, time, storedAt, who, what, execution } = record
  return {
    index,
    event,
    storedAt,
    ...(time === undefined ? {} : { time }),
    ...(who === undefined ? {} : { who }),
    ...(what === undefined ? {} : { what }),
    ...(execution === undefined ? {} : { execution }),
  }
}

function keyOf({ policyRevision, policy, rule }: CallStory['rules'][number]): string {
  return `${policyRevision} ${policy}/${rule}`
}

function traceIdOf(cloudEvent: unknown): string | undefined {
  if (!isJsonObject(cloudEvent) || typeof cloudEvent.traceparent !== 'string') return undefined
  return cloudEvent.traceparent.split('-')[1]
}
