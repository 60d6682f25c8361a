import { join } from 'node:path'
import { callIdFromKey } from '@countersign/contracts'
import type { FaultPoint } from '../entry/fault-point.ts'
import type { Cluster } from '../harness/cluster.ts'
import { type CallPlan, markOfLarge } from '../load/drive.ts'
import { matrix, type Row } from './table.ts'

/** One fault of the matrix: a row, a side, and the call it happens to. */
export interface Case {
  title: string
  row: Row
  side: FaultPoint['side']
  plan: CallPlan
  callId: string
  point: FaultPoint
}

/**
 * Every row, before and after, with a call of its own. The calls have keys, so that their ids are known before they are asked for.
 *
 * @param from number of the first call
 */
export function casesOf(cluster: Cluster, action: FaultPoint['action'], from: number): Case[] {
  return (
    matrix
      .flatMap((row) => (['before', 'after'] as const).map((side) => ({ row, side })))
      // A message is taken once: there is no after.
      .filter(({ row, side }) => side === 'before' || !row.step.startsWith('take:'))
      .map(({ row, side }, index) => {
        const n = from + index
        const key = `case-${n}`
        const callId = callIdFromKey('default', 'agent', key)
        const large = row.large ?? false
        const claim = join(cluster.state.layout.dir, `claim-${n}`)
        return {
          title: `${row.service} killed ${side} ${row.step} (${large ? 'large ' : ''}${row.tool}, ${row.sequel})`,
          row,
          side,
          plan: { n, tool: row.tool, large, key, sequel: row.sequel, gateway: 0 },
          callId,
          // Content that goes into the object store does not say which call it is of.
          point: { step: row.step, side, text: large ? markOfLarge(n) : callId, action, claim },
        }
      })
  )
}
