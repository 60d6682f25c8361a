import {
  type AuditQuery,
  type CallAddress,
  callRow,
  type CallView,
  failureCodeOf,
  RecordedCallFields,
  type SealedRecord,
} from '@countersign/contracts'
import type { TenantLog } from '../log/log.ts'
import { readHead, type RecordHead } from '../record/record-text.ts'
import { endsCall } from '../retention/track-calls.ts'
import { matcherOf } from './match.ts'

/** What folding works with. */
export interface FoldOptions {
  log: Pick<TenantLog, 'size' | 'backward'>
  stateOf: (at: CallAddress) => Promise<string | undefined>
  read: (text: string) => SealedRecord
  query: AuditQuery
  maxScanned: number
  overlap: number
  timeCheckEvery: number
}

/** The newest event seen of a call. */
interface Newest {
  event: string
  storedAt: string
  code: string | undefined
}

/**
 * Folds records, newest first, into one row a call. A page begins in the middle of the log, where older events of calls that
 * were on an earlier page still come: such calls are told by the records before the page, and by the stream.
 */
export async function foldCalls(options: FoldOptions): Promise<{ calls: CallView[]; next: number | null }> {
  const { log, query, maxScanned, timeCheckEvery } = options
  const matcher = matcherOf(query)
  const start = Math.min(query.before ?? log.size, log.size)
  const top = Math.min(log.size, start + options.overlap)
  const newest = new Map<string, Newest>()
  /** Calls that have their row, on this page or an earlier one. */
  const placed = new Set<string>()
  const rows = new Map<string, CallView>()
  const answer = (next: number | null) => ({ calls: [...rows.values()], next })
  let scanned = 0
  for await (const { index, text } of log.backward(top)) {
    const here = index < start
    if (here && scanned++ === maxScanned) return answer(index + 1)
    if (here && scanned % timeCheckEvery === 0 && matcher.isBefore(headOf(text))) break
    if (!matcher.mayMatch(text)) continue
    const head = headOf(text)
    const { server, callId, event } = head
    if (server === undefined || callId === undefined) continue
    const seenLater = newest.has(callId)
    let parsed: SealedRecord['record'] | undefined
    const record = () => (parsed ??= options.read(text).record)
    if (!seenLater) {
      newest.set(callId, {
        event,
        storedAt: head.storedAt,
        code: mayHaveCode.has(event) ? failureCodeOf(record().cloudEvent['data']) : undefined,
      })
    }
    if (event === 'requested') addRequestedAt(rows.get(callId), head)
    // Without an outcome a call's place is its newest event, with one the newest event of that name.
    if (placed.has(callId) || (query.outcome === undefined && seenLater)) continue
    if (!here) {
      if (query.outcome === undefined || event === query.outcome) placed.add(callId)
      continue
    }
    if (!matcher.ofEvent(head) || !matcher.ofCall(record())) continue
    if (rows.size === query.limit) return answer(index + 1)
    placed.add(callId)
    const unsure = !seenLater && !endsCall(event) && top < log.size
    const state = unsure ? await options.stateOf({ tenant: head.tenant, server, callId }) : undefined
    if (unsure && query.outcome === undefined && state !== event) continue
    const row = rowOf(record(), newest.get(callId)!, state)
    if (row) rows.set(callId, row)
  }
  return answer(null)
}

function headOf(text: string): RecordHead {
  return readHead(text.slice(0, -1))
}

/** The row of a call; undefined when the event does not say what a row needs. */
function rowOf(record: SealedRecord['record'], newest: Newest, state: string | undefined): CallView | undefined {
  const { callId, tenant, server, event, storedAt, cloudEvent } = record
  if (server === undefined || callId === undefined) return undefined
  const fields = RecordedCallFields.safeParse(cloudEvent['data'])
  if (!fields.success) return undefined
  return callRow(
    { ...fields.data, callId, tenant, server },
    {
      state: state ?? newest.event,
      updatedAt: newest.storedAt,
      code: newest.code,
      requestedAt: event === 'requested' ? storedAt : undefined,
    },
  )
}

function addRequestedAt(row: CallView | undefined, { storedAt }: RecordHead): void {
  if (row) row.requestedAt = storedAt
}

/** Events that say why a call did not end well. */
const mayHaveCode = new Set(['denied', 'failed', 'unknown'])
