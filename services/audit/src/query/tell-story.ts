import {
  type AuditRecord,
  type CallStory,
  CountersignError,
  isJsonObject,
  type SealedRecord,
} from '@countersign/contracts'
import type { IndexedLog } from '../index/log-index.ts'
import { findCalls } from './find-calls.ts'
import { findRecords, type Reading } from './find-records.ts'

/** Events of one call: dozens at most, and of a call that was dispatched again and again more. */
const maxSteps = 1000

/**
 * Tells one call from end to end.
 *
 * @throws CountersignError `unknown_call` for a call that the tenant's log does not have
 */
export async function tellStory(
  index: IndexedLog,
  reading: Reading,
  { tenant, callId }: { tenant: string; callId: string },
): Promise<CallStory> {
  const query = { tenant, callId, limit: maxSteps }
  const [{ calls }, { records, size, indexed }] = await Promise.all([
    findCalls(index, { ...query, limit: 1 }),
    findRecords(index, reading, query),
  ])
  const [call] = calls
  if (!call) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  const steps = records.toReversed().map(({ index, record }) => ({ index, record }))
  const all = steps.map(({ record }) => record)
  const asked = all.find(({ event }) => event === 'requested')
  const [groups, agents] = [asked?.who?.groups, asked?.who?.delegation]
  const [method, traceId] = [all.find(({ what }) => what)?.what?.method, traceIdOf(all)]
  return {
    call,
    ...(method === undefined ? {} : { method }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(groups === undefined ? {} : { groups }),
    agents: agents?.length ? agents : [call.principal],
    rules: rulesOf(all),
    approvals: all.filter(({ event }) => event === 'voted').flatMap(({ approvals }) => approvals ?? []),
    outcome: all.findLast(({ outcome }) => outcome)?.outcome,
    steps: steps.map(stepOf),
    size,
    indexed,
  }
}

function stepOf({ index, record }: Pick<SealedRecord, 'index' | 'record'>): CallStory['steps'][number] {
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

/** What decided, each rule once. */
function rulesOf(records: readonly AuditRecord[]): CallStory['rules'] {
  const found = new Map<string, CallStory['rules'][number]>()
  for (const { decision } of records) {
    for (const rule of decision?.rules ?? []) {
      const { policyRevision } = decision!
      found.set(`${policyRevision} ${rule.policy}/${rule.rule}`, { ...rule, policyRevision })
    }
  }
  return [...found.values()]
}

function traceIdOf(records: readonly AuditRecord[]): string | undefined {
  for (const { cloudEvent } of records) {
    if (!isJsonObject(cloudEvent) || typeof cloudEvent.traceparent !== 'string') continue
    const traceId = cloudEvent.traceparent.split('-')[1]
    if (traceId !== undefined) return traceId
  }
  return undefined
}
