import type { StatusAnswer } from '../../api/gather-status.ts'
import { describeExportTrouble } from '../audit/describe-export-trouble.ts'
import type { Cell } from '../output/table.ts'
import { count } from '../output/times.ts'

type Row = readonly [string, ...Cell[]]

/** Nothing about the exports waits for somebody. */
export function exportsAreCalm({ exports }: StatusAnswer): boolean {
  return !exports || (exports.troubles.length === 0 && exports.dead === 0 && exports.refused === 0)
}

/** How the exports stand, for `status`: each that does not get on, with what to do about it. */
export function exportRows({ exports }: StatusAnswer, nowMs: number): Row[] {
  if (!exports) return []
  const { total, troubles, dead, refused } = exports
  const warn = (text: string): Row => ['exports', { text, style: 'warn' }]
  const rows = troubles.map((trouble) => warn(`${describeExportTrouble(trouble, nowMs)} → ${trouble.remedy}`))
  if (dead > 0) {
    rows.push(warn(`${count(dead, 'dead letter')}, refused by their targets for good → see: countersign audit exports`))
  }
  if (refused > 0) rows.push(warn(`${count(refused, 'problem')} in their documents → see: countersign audit exports`))
  return rows.length === 0 && total > 0
    ? [['exports', { text: `${count(total, 'export')} at work`, style: 'good' }]]
    : rows
}
