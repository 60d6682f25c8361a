import { isJsonObject, recordKind, type SealedRecord } from '@countersign/contracts'
import { describeActivity } from './describe-activity.ts'
import { fit } from '../output/printable.ts'
import { stateCell } from '../output/state-cell.ts'
import { type Cell, type Column, nameColumn, nameWidth } from '../output/table.ts'
import { dateAndClock, dateAndTime, zoneOf } from '../output/times.ts'

/** Events of a call that are the doing of a person other than its caller. */
const peoples = new Set(['voted', 'resolved'])

/**
 * Sealed records as a table. It has to be of use in 80 columns: the offset from UTC is said once where it is one, and a column that all leave
 * empty is left out.
 *
 * @param shortId shortens the id of a call
 */
export function recordTable(
  records: readonly SealedRecord[],
  shortId: (callId: string) => string,
): { columns: Column[]; rows: Cell[][] } {
  const zones = new Set(records.map(({ record }) => zoneOf(record.storedAt)))
  const [zone] = zones.size === 1 ? zones : []
  const columns: Column[] = [
    { head: 'INDEX', align: 'right' },
    { head: zone === undefined ? 'TIME' : `TIME ${zone}` },
    { head: 'EVENT' },
    { head: 'SERVER' },
    { head: 'WHAT', shrinks: true },
    nameColumn('WHO'),
    { head: 'CALL' },
  ]
  const rows = records.map((sealed) => recordRow(sealed, shortId, zone === undefined ? dateAndClock : dateAndTime))
  const used = columns.map((_, place) => rows.some((row) => row[place] !== ''))
  return {
    columns: columns.filter((_, place) => used[place]),
    rows: rows.map((row) => row.filter((_, place) => used[place])),
  }
}

/** One sealed record: of a call its tool, of anything else what was done; who voted or ruled, else on whose behalf it was. */
function recordRow(
  { index, record }: SealedRecord,
  shortId: (callId: string) => string,
  timeOf: (instant: string) => string,
): Cell[] {
  const { storedAt, event, server = '', callId = '', who, what, cloudEvent } = record
  const data = isJsonObject(cloudEvent['data']) ? cloudEvent['data'] : {}
  const tool = what?.tool ?? data['tool']
  const done =
    recordKind(record) === 'activity'
      ? describeActivity(event, data)
      : typeof tool === 'string'
        ? fit(tool, nameWidth)
        : ''
  const by = (peoples.has(event) ? who?.actor : who?.principal) ?? data['principal']
  return [
    String(index),
    timeOf(storedAt),
    stateCell(event),
    server,
    done,
    typeof by === 'string' ? by : '',
    shortId(callId),
  ]
}
