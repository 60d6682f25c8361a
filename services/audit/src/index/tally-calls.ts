import { sql } from 'kysely'
import { insertRows } from './insert-rows.ts'
import type { Database, DayField, Tables } from './schema.ts'

/** What calls are counted by. */
export type CountedCall = Pick<
  Tables['calls'],
  'call_id' | 'server' | 'tool' | 'principal' | 'state' | 'code' | 'began_at'
>

/** What a batch changes of a call. */
export interface CallChange {
  /** As it was indexed; undefined for one that is new. */
  before: CountedCall | undefined
  after: CountedCall
  /** Marks that it did not have before. */
  marks: readonly Pick<Tables['marks'], 'kind' | 'value'>[]
}

type Hourly = Omit<Tables['calls_by_hour'], 'log'>
type Daily = Omit<Tables['calls_by_day'], 'log'>

const hourTypes = { hour: 'timestamptz', state: 'text', code: 'text', calls: 'integer' }
const dayTypes = { by: 'text', day: 'timestamptz', value: 'text', server: 'text', calls: 'integer' }

/** Lengths of what is counted together, in ms. */
export const [hourMs, dayMs] = [3_600_000, 86_400_000]

/** Adds what changed of calls to the counts of hours and days, so that a long time is added up from few rows. */
export async function tallyCalls(transaction: Database, log: number, changes: readonly CallChange[]): Promise<void> {
  const moved = changes.filter(({ before, after }) => before && dayOf(before) !== dayOf(after))
  const older = await marksOf(transaction, log, moved)
  const hours = sum(changes.flatMap(({ before, after }) => [...hourly(before, -1), ...hourly(after, 1)]))
  const days = sum(
    changes.flatMap((change) => {
      const { before, after, marks } = change
      if (before && isSameBeginning(before, after)) return daily(after, marks, 1)
      const known = (older.get(after.call_id) ?? []).filter(({ kind, value }) => !has(marks, kind, value))
      return [
        ...daily(before, fieldsOf(before), -1),
        ...daily(after, fieldsOf(after), 1),
        ...daily(before, known, -1),
        ...daily(after, [...known, ...marks], 1),
      ]
    }),
  )
  if (hours.length === 0 && days.length === 0) return
  // One statement for both: each costs its planning.
  await sql`
    with hours as (${insertRows('calls_by_hour', log, hours, hourTypes)}
      on conflict (log, hour, state, code) do update set calls = known.calls + excluded.calls)
    ${insertRows('calls_by_day', log, days, dayTypes)}
    on conflict (log, by, day, value, server) do update set calls = known.calls + excluded.calls
  `.execute(transaction)
}

/** All marks of calls that are of another day now. */
async function marksOf(transaction: Database, log: number, changes: readonly CallChange[]) {
  if (changes.length === 0) return new Map<string, Pick<Tables['marks'], 'kind' | 'value'>[]>()
  const ids = changes.map(({ after }) => after.call_id)
  const marks = await transaction
    .selectFrom('marks')
    .select(['kind', 'value', 'call_id'])
    .where('log', '=', log)
    .where('call_id', 'in', ids)
    .execute()
  return Map.groupBy(marks, ({ call_id }) => call_id)
}

interface Field {
  kind: DayField
  value: string
  server?: string
}

function fieldsOf(call: CountedCall | undefined): Field[] {
  if (!call) return []
  const { principal, server, tool } = call
  return [
    { kind: 'principal', value: principal },
    { kind: 'tool', value: tool, server },
  ]
}

function hourly(call: CountedCall | undefined, calls: number): Hourly[] {
  if (!call) return []
  const { state, code, began_at } = call
  return [{ hour: floorTo(began_at, hourMs), state, code: code ?? '', calls }]
}

function daily(call: CountedCall | undefined, fields: readonly Field[], calls: number): Daily[] {
  if (!call) return []
  const day = floorTo(call.began_at, dayMs)
  return fields.map(({ kind: by, value, server = '' }) => ({ by, day, value, server, calls }))
}

function has(marks: CallChange['marks'], kind: string, value: string): boolean {
  return marks.some((mark) => mark.kind === kind && mark.value === value)
}

/** True for a call that goes on, and did not begin anew. */
function isSameBeginning(before: CountedCall, after: CountedCall): boolean {
  return dayOf(before) === dayOf(after) && before.server === after.server && before.tool === after.tool
}

function dayOf({ began_at }: CountedCall): number {
  return Math.floor(began_at.getTime() / dayMs)
}

function floorTo(time: Date, lengthMs: number): Date {
  return new Date(Math.floor(time.getTime() / lengthMs) * lengthMs)
}

/** Changes of the same row as one, without those that come to nothing. */
function sum<T extends { calls: number }>(changes: readonly T[]): T[] {
  const groups = Map.groupBy(changes, ({ calls: _calls, ...key }) => JSON.stringify(Object.values(key)))
  return [...groups.values()]
    .map((group) => ({ ...group[0]!, calls: group.reduce((total, { calls }) => total + calls, 0) }))
    .filter(({ calls }) => calls !== 0)
}
