import type { StatusAnswer } from '../../api/gather-status.ts'
import { muchBehind } from '../doctor/content-findings.ts'
import type { Cell } from '../output/table.ts'
import { count, lengthOf } from '../output/times.ts'

type Row = readonly [string, ...Cell[]]

const more = ': countersign doctor'
const warn = (text: string): Cell => ({ text, style: 'warn' })

/** What is not well with the index, the files of audit and its witnesses, a line each. */
export function contentRows({ index, audit }: StatusAnswer): Row[] {
  const behind = index ? index.size - index.indexed : 0
  const { witnessed, size = 0, faults = [] } = audit ?? {}
  return [
    ...(index && index.problem !== null
      ? [['index', warn(`does not follow the log: ${index.problem}`), more] as const]
      : []),
    ...(index?.problem === null && behind > muchBehind
      ? [['index', warn(`${count(behind, 'record')} behind the log`), more] as const]
      : []),
    ...faults.map(({ what, problem }): Row => [what, warn(problem), more]),
    ...(witnessed?.problem === undefined
      ? []
      : [
          [
            'witnesses',
            warn(`have cosigned ${witnessed.size} of ${count(size, 'record')}: ${witnessed.problem}`),
            more,
          ] as const,
        ]),
  ]
}

/** Calls that wait for people, and whether they wait for long. */
export function approvalRows({ approvals }: StatusAnswer, nowMs: number): Row[] {
  if (!approvals) return []
  const { waiting, late, oldestHeldAt } = approvals
  if (waiting === 0) return [['approvals', 'none waiting']]
  const since = oldestHeldAt === undefined ? '' : `, the first for ${lengthOf(nowMs - Date.parse(oldestHeldAt))}`
  const overdue = late > 0 ? `, ${late} of them past half of the time they have` : ''
  const many = `${waiting}${approvals.more ? ' or more' : ''}`
  return [['approvals', warn(`${many} waiting${since}${overdue}`), ': countersign approvals']]
}
