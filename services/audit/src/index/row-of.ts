import {
  failureCodeOf,
  isCallEventName,
  isJsonObject,
  type Json,
  type JsonObject,
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

const notIndexed =
  /^\/data\/(result|resultDigest|previewDigest|grant\/signature|grant\/claims\/digest|comment|evidence)(\/|$)/

/**
 * Says whether a row has anything of a place of an event, which is then opened: of the digest, which all events of a call have, its
 * first, and nothing of what is large or costs most to open.
 */
export function isIndexed(event: string, path: string): boolean {
  return path === '/data/digest' ? event === 'requested' : !notIndexed.test(path)
}

/** Makes the row of a sealed record at a place, whatever it holds: what a column cannot say is null. */
export function rowOf({ index, record }: SealedRecord, { offset, bytes }: Omit<EntryPlace, 'index'>): IndexRow {
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

function marksOf(record: SealedRecord['record'], principal: string): CallFacts['marks'] {
  const { decision, approvals, who, event } = record
  const rules = decision?.rules.map(({ policy, rule }) => `${policy}/${rule}`) ?? []
  const approvers = approvals?.map(({ approver }) => approver) ?? []
  const agents = event === 'requested' ? (who?.delegation?.length ? who.delegation : [principal]) : []
  return [...marks('rule', rules), ...marks('approver', approvers), ...marks('agent', agents)]
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
