import {
  failureCodeOf,
  hiddenMark,
  isCallEventName,
  isJsonObject,
  isTold,
  type Json,
  type JsonObject,
  type Opening,
  RecordedCallFields,
  type SealedRecord,
} from '@countersign/contracts'
import type { EntryPlace } from '@countersign/tlog'
import { noCall } from '../record/record-text.ts'
import type { MarkKind } from './schema.ts'
import { wordsOf } from './words-of.ts'

/** A record as the index keeps it. */
export interface IndexRow {
  index: number
  byte_at: number
  byte_length: number
  stored_at: string
  event: string
  call_id: string | null
  server: string | null
  tool: string | null
  principal: string | null
  /** What it says of its call; undefined for a record that is of none. */
  call: CallFacts | undefined
}

/** What one event says of its call. */
export interface CallFacts {
  method: string
  digest: string
  traceId: string | null
  code: string | null
  marks: { kind: MarkKind; value: string }[]
  /** Of the arguments, in the event that first has them. */
  words: string[]
}

/** Events that say why a call did not end well. */
const mayHaveCode = new Set(['denied', 'failed', 'unknown'])
const maxLength = 320

/** Of these the index forgets what it has when their keys are erased; it takes them from the event that first has them. */
const forgotten = /^\/data\/(digest|arguments)(\/|$)/
/** What the head of every record says. */
const said = /^\/data\/(callId|tenant|server)$/
const notIndexed =
  /^\/data\/(result|resultDigest|previewDigest|grant\/signature|grant\/claims\/(approvals\/\d+\/)?digest|decision\/facts|comment|evidence)(\/|$)/
/** An event of which too many places are personal is encrypted as a whole. */
const whole = '/data'

/**
 * Says what a row has of a place that is encrypted, because a rule names it: nothing that would be readable after its key is gone. What no
 * row has anything of is left as it is.
 */
export function openingOf(event: string, path: string): Opening {
  if (forgotten.test(path)) return event === 'requested' ? 'open' : 'leave'
  if (notIndexed.test(path)) return 'leave'
  return path === whole || said.test(path) ? 'open' : 'hide'
}

/**
 * Makes the row of a sealed record at a place, whatever it holds: what a column cannot say is null.
 *
 * @param sealed what is encrypted in it was read as `openingOf` says
 */
export function rowOf(sealed: SealedRecord, { offset, bytes }: Omit<EntryPlace, 'index'>): IndexRow {
  const { index, record } = hideWhole(withSaid(sealed))
  const { event, storedAt, cloudEvent } = record
  const data = isJsonObject(cloudEvent.data) ? cloudEvent.data : {}
  const fields = RecordedCallFields.safeParse(data)
  const known =
    fields.success && isCallEventName(event) && record.callId === fields.data.callId ? fields.data : undefined
  const callId: string | undefined = record.callId
  return {
    index,
    byte_at: offset,
    byte_length: bytes,
    stored_at: storedAt,
    event: clean(event),
    call_id: callId === undefined || callId === noCall.callId ? null : callId,
    server: clean(record.server) || null,
    tool: textOf(data.tool),
    principal: textOf(data.principal) ?? (clean(record.who?.principal) || null),
    call: known && {
      method: clean(known.method),
      digest: clean(known.digest),
      traceId: traceIdOf(cloudEvent.traceparent),
      code: mayHaveCode.has(event) ? clean(failureCodeOf(data)) || null : null,
      marks: marksOf(record, known.principal),
      words: event === 'requested' ? wordsOf(inlineArguments(data)) : [],
    },
  }
}

/** Of an event that is too large to be told, what its record says of it in members of its own. */
function withSaid(sealed: SealedRecord): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || isTold(record)) return sealed
  const { callId, tenant, server, what, who } = record
  const { method, tool, digest } = what ?? {}
  const { principal, delegation } = who ?? {}
  const personal = new Set(record.encrypted?.map(({ path }) => path))
  const members = Object.entries({ callId, tenant, server, method, tool, digest, principal, delegation })
  const data: JsonObject = {}
  for (const [name, value] of members) {
    const path = `${whole}/${name}`
    if (value !== undefined) data[name] = personal.has(path) && !forgotten.test(path) ? hiddenMark : value
  }
  return { ...sealed, record: { ...record, cloudEvent: { data } } }
}

/** Of an event that was encrypted as a whole nothing says what in it is named by a rule: of it a row has what it can forget, and no more. */
function hideWhole(sealed: SealedRecord): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || !record.encrypted?.some(({ path }) => path === whole)) return sealed
  const { who: _who, decision: _decision, approvals: _approvals, ...others } = record
  const shown = Object.entries(isJsonObject(record.cloudEvent.data) ? record.cloudEvent.data : {}).filter(
    ([name]) => said.test(`${whole}/${name}`) || forgotten.test(`${whole}/${name}`),
  )
  const hidden = { method: hiddenMark, tool: hiddenMark, principal: hiddenMark }
  const cloudEvent = { ...record.cloudEvent, data: { ...Object.fromEntries(shown), ...hidden } }
  return { ...sealed, record: { ...others, cloudEvent } }
}

function marksOf(record: SealedRecord['record'], principal: string): CallFacts['marks'] {
  const { decision, approvals, who, event } = record
  const rules = decision?.rules.map(({ policy, rule }) => `${policy}/${rule}`) ?? []
  const approvers = approvals?.map(({ approver }) => approver) ?? []
  const through = isHidden(record.cloudEvent, 'delegation') ? [hiddenMark] : who?.delegation
  const agents = event === 'requested' ? (through?.length ? through : [principal]) : []
  return [...marks('rule', rules), ...marks('approver', approvers), ...marks('agent', agents)]
}

function isHidden({ data }: JsonObject, member: string): boolean {
  return isJsonObject(data) && data[member] === hiddenMark
}

function marks(kind: MarkKind, values: string[]): CallFacts['marks'] {
  return [...new Set(values.map(clean))].map((value) => ({ kind, value }))
}

function inlineArguments({ arguments: content }: JsonObject): Json {
  return isJsonObject(content) ? (content.inline ?? null) : null
}

function traceIdOf(traceparent: Json | undefined): string | null {
  return typeof traceparent === 'string' ? (/^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent)?.[1] ?? null) : null
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? clean(value) : null
}

/** Postgres stores neither NUL nor half a character, and its indexes nothing long. */
function clean(text: string | undefined): string {
  return (text ?? '').slice(0, maxLength).toWellFormed().replaceAll('\0', '\uFFFD')
}
