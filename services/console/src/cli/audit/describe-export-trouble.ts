import type { ExportTrouble } from '@countersign/contracts'
import { ago, count, dateAndClock } from '../output/times.ts'

/** What keeps an export from getting on: which, of which tenant, since when, why. */
export function describeExportTrouble(
  { name, tenant, state, lagRecords, problem, since }: ExportTrouble,
  nowMs: number,
): string {
  const how = state === 'blocked' ? 'has stopped' : 'has been failing'
  return `${name} ${how} for tenant ${tenant} since ${dateAndClock(since)} (${ago(since, nowMs)}): ${problem}; ${count(lagRecords, 'record')} waiting`
}
