import { isJsonObject, recordKind, type SealedRecord } from '@countersign/contracts'
import { describeActivity } from './describe-activity.ts'
import { stateCell } from './state-cell.ts'
import type { Cell, Column } from './table.ts'
import { dateAndClock } from './times.ts'

/** Events of a call that are the doing of a person other than its caller. */
const peoples = new Set(['voted', 'resolved'])

/** The columns in which sealed records are listed. */
export const recordColumns: readonly Column[] = [
  { head: 'INDEX', align: 'right' },
  { head: 'TIME' },
  { head: 'EVENT' },
  { head: 'SERVER' },
  { head: 'WHAT', shrinks: true },
  { head: 'WHO', shrinks: true },
  { head: 'CALL' },
]

/**
 * One sealed record as a row: of a call its tool, of anything else what was done; who voted or ruled, else on whose behalf it was.
 *
 * @param shortId shortens the id of its call
 */
export function recordRow({ index, record }: SealedRecord, shortId: (callId: string) => string): Cell[] {
  const { storedAt, event, server = '', callId = '', who, what, cloudEvent } = record
  const data = isJsonObject(cloudEvent['data']) ? cloudEvent['data'] : {}
  const tool = what?.tool ?? data['tool']
  const done = recordKind(record) === 'activity' ? describeActivity(event, data) : tool
  const by = (peoples.has(event) ? who?.actor : who?.principal) ?? data['principal']
  return [
    String(index),
    dateAndClock(storedAt),
    stateCell(event),
    server,
    typeof done === 'string' ? done : '',
    typeof by === 'string' ? by : '',
    shortId(callId),
  ]
}
