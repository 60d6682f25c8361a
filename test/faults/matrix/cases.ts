import { join } from 'node:path'
import { callIdFromKey } from '@countersign/contracts'
import type { FaultPoint } from '../entry/fault-point.ts'
import type { Cluster } from '../harness/cluster.ts'
import { type CallPlan, markOfLarge } from '../load/drive.ts'
import { type DeedRow, deedMatrix, matrix, type Row } from './table.ts'

/** One fault of the matrix: a row, a side, and the call it happens to. */
export interface Case {
  title: string
  row: Row
  side: FaultPoint['side']
  plan: CallPlan
  callId: string
  point: FaultPoint
}

const words = { kill: 'killed', hold: 'killed', pause: 'stopped' }

/** A message is taken once: there is no after. */
const bothSides = <R extends { step: string }>(rows: readonly R[]) =>
  rows
    .flatMap((row) => (['before', 'after'] as const).map((side) => ({ row, side })))
    .filter(({ row, side }) => side === 'before' || !row.step.startsWith('take:'))

/**
 * Every row, before and after, with a call of its own. The calls have keys, so that their ids are known before they are asked for.
 *
 * @param from number of the first call
 */
export function casesOf(cluster: Cluster, action: FaultPoint['action'], from: number): Case[] {
  return bothSides(matrix).map(({ row, side }, index) => {
    const n = from + index
    const key = `case-${n}`
    const callId = callIdFromKey('default', 'agent', key)
    const large = row.large ?? false
    const claim = join(cluster.state.layout.dir, `claim-${n}`)
    return {
      title: `${row.service} ${words[action]} ${side} ${row.step} (${large ? 'large ' : ''}${row.tool}, ${row.sequel})`,
      row,
      side,
      plan: { n, tool: row.tool, large, key, sequel: row.sequel, gateway: 0 },
      callId,
      // Content that goes into the object store does not say which call it is of.
      point: { step: row.step, side, text: large ? markOfLarge(n) : callId, action, claim },
    }
  })
}

/** One fault of the matrix of deeds. */
export interface DeedCase {
  title: string
  row: DeedRow
  side: FaultPoint['side']
  /** Of what is made for it; in no other event. */
  name: string
  point: FaultPoint
}

/** Every row of that matrix, before and after. */
export function deedCasesOf(cluster: Cluster): DeedCase[] {
  return bothSides(deedMatrix).map(({ row, side }, index) => {
    const name = `extra-${index + 1}-server`
    const claim = join(cluster.state.layout.dir, `claim-${name}`)
    // Where nothing has the name, nothing else takes the step.
    const text = row.deed === 'server' ? name : ''
    return {
      title: `${row.service} killed ${side} ${row.step} (${row.deed})`,
      row,
      side,
      name,
      point: { step: row.step, side, text, action: 'kill', claim },
    }
  })
}
