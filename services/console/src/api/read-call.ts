import type { Bus } from '@countersign/bus'
import {
  type AuditRecord,
  type CallAddress,
  CountersignError,
  isJsonObject,
  type Json,
  type JsonObject,
  type Principal,
  RecordedCallFields,
  type SealedRecord,
  verbs,
} from '@countersign/contracts'
import { askAudit, AuditSilent } from './ask-audit.ts'
import { approverGroupsOf, type CallAnswer } from './call-answer.ts'
import { maySeeCall } from './may-see.ts'

type Step = CallAnswer['events'][number] & { id: string }

/** Pages of the log that are read of one call: a page has a thousand records, or some MiB. */
const maxPages = 8

/** The newest of a call's steps, and whether there are older ones that were not read. */
interface InLog {
  logged: Step[]
  isCut: boolean
  /** Of a history that is cut, the step that says who may vote, also where it is among those that were not read. */
  held: Step[]
}

/** A call's history, and how many sealed records were read for it: none while the stream has all of it. */
export type ReadCall = CallAnswer & { records: number }

/**
 * Reads one call's history: from the stream, and from the audit log where the stream has let go of it (it keeps a call for a
 * grace period after it ended, and the final event of a call with an idempotency key for longer).
 *
 * @throws CountersignError `unknown_call` when there is none or it is not the viewer's to see, AuditSilent when nobody can tell,
 * because the stream has nothing of it and audit does not answer
 */
export async function readCall(bus: Bus, viewer: Principal, callId: string): Promise<ReadCall> {
  const streamed = await stepsInStream(bus, { tenant: viewer.tenant, server: '*', callId })
  const { logged, isCut, held, silence } = await restInLog(bus, viewer.tenant, callId, streamed)
  const steps = merge(logged, streamed)
  const call = RecordedCallFields.safeParse(steps[0]?.data)
  if (!call.success) throw silence ?? unknownCall(callId)
  const { tenant, server, tool, principal, digest } = call.data
  const approverGroups = [...held, ...steps].flatMap(({ event, data }) =>
    event === 'held' ? approverGroupsOf(data) : [],
  )
  if (!maySeeCall(viewer, { tenant, principal, approverGroups })) throw silence ?? unknownCall(callId)
  return {
    ...{ callId, state: steps.at(-1)!.event, server, tool, principal, digest, events: steps, records: logged.length },
    ...(silence ? { incomplete: silence.consequence('what only the log has of it is missing') } : {}),
    ...(isCut
      ? { incomplete: 'it has more than is read at once, so its oldest events are missing; /audit/records has them' }
      : {}),
  }
}

/** What the stream has let go of; where audit does not answer, nothing, and its silence. */
async function restInLog(
  bus: Bus,
  tenant: string,
  callId: string,
  streamed: readonly Step[],
): Promise<InLog & { silence?: AuditSilent }> {
  if (streamed[0]?.event === 'requested') return { logged: [], isCut: false, held: [] }
  try {
    return await stepsInLog(bus, tenant, callId)
  } catch (error) {
    if (!(error instanceof AuditSilent)) throw error
    return { logged: [], isCut: false, held: [], silence: error }
  }
}

async function stepsInStream(bus: Bus, at: CallAddress): Promise<Step[]> {
  const { entries } = await bus.history(at)
  return entries.map(({ seq, name, event }) => ({
    id: event.id,
    seq,
    event: name,
    time: event.time,
    source: event.source,
    data: event.data as unknown as JsonObject,
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  }))
}

async function stepsInLog(bus: Bus, tenant: string, callId: string): Promise<InLog> {
  const found: SealedRecord[] = []
  let place: { before: number; size?: number | undefined } | undefined
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await askAudit(bus, verbs.audit.records, { tenant, callId, limit: 1000, ...place })
    found.push(...page.records)
    if (page.next === null) return { logged: stepsOf(found), isCut: false, held: [] }
    place = { before: page.next, size: page.indexed }
  }
  const { records } = await askAudit(bus, verbs.audit.records, { tenant, callId, outcome: 'held', limit: 1 })
  return { logged: stepsOf(found), isCut: true, held: stepsOf(records) }
}

function stepsOf(records: readonly SealedRecord[]): Step[] {
  return records
    .toSorted((a, b) => a.index - b.index)
    .map(({ record }) => {
      const { cloudEvent, event, stream, time, storedAt } = record
      return {
        id: textOf(cloudEvent.id),
        seq: stream.seq,
        event,
        time: textOf(cloudEvent.time) || (time ?? storedAt),
        source: textOf(cloudEvent.source),
        data: dataOf(record),
        ...(typeof cloudEvent.traceparent === 'string' ? { traceparent: cloudEvent.traceparent } : {}),
      }
    })
}

/** What an event says; of one that is hidden as a whole, or too large to be told, what its record says beside it. */
function dataOf({ tenant, server, callId, who, what, cloudEvent: { data } }: AuditRecord): JsonObject {
  if (isJsonObject(data)) return data
  const said = { callId, tenant, server, ...what, principal: who?.principal }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as JsonObject
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** What is in both is taken once; what only the stream has is newer than the log. */
function merge(logged: Step[], streamed: Step[]): Step[] {
  const ids = new Set(logged.map(({ id }) => id))
  // An event that is told without what it says has no id either.
  const places = new Set(logged.filter(({ id }) => id === '').map(({ seq }) => seq))
  return [...logged, ...streamed.filter(({ id, seq }) => !ids.has(id) && !places.has(seq))]
}

function unknownCall(callId: string): CountersignError {
  return new CountersignError(
    'unknown_call',
    `there is no call ${callId}, or it is not yours to see; the list of calls has those that are`,
  )
}
