import { type Bucket, bucketSeconds, type CountAnswer } from '@countersign/contracts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation, oneOf } from '../command.ts'
import { tellNotInLog } from '../audit/nothing-found.ts'
import { count, dateAndClock } from '../output/times.ts'

const buckets = Object.keys(bucketSeconds) as Bucket[]
const dayMs = 86_400_000
const barWidth = 30

/** `countersign audit counts`: calls or records over time; left out, the calls of the last day by the hour. */
export async function auditCounts(invocation: Invocation): Promise<Exit> {
  const { args, option, out, nowMs } = invocation
  checkArguments(args, 1, 1, 'audit counts')
  const bucket = oneOf(option('bucket') ?? '1h', buckets, '--bucket')
  const of = oneOf(option('of') ?? 'calls', ['calls', 'records'], '--of')
  const client = await invocation.client('operator')
  const filters = await auditFilters(invocation, client)
  const answer = await client.get<CountAnswer>('/audit/counts', {
    ...filters,
    since: filters.since ?? new Date(nowMs - dayMs).toISOString(),
    until: filters.until ?? new Date(nowMs).toISOString(),
    bucket,
    of,
  })
  if (out.forPrograms) out.json(answer)
  const most = Math.max(1, ...answer.buckets.map(({ total }) => total))
  out.table(
    [{ head: 'FROM' }, { head: 'HOW MANY', align: 'right' }, { head: '' }, { head: 'OF THEM', shrinks: true }],
    answer.buckets.map(({ at, total, by }) => [
      dateAndClock(at),
      String(total),
      '█'.repeat(Math.ceil((total / most) * barWidth)),
      Object.entries(by)
        .map(([name, each]) => `${each} ${name}`)
        .join(', '),
    ]),
  )
  out.line({ text: `${count(answer.total, of === 'records' ? 'record' : 'call')} in all`, style: 'faint' })
  if (answer.total === 0) await tellNotInLog(out, client, filters)
  const behind = indexBehind(answer)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}
