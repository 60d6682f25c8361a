import type { SealedRecord } from '@countersign/contracts'
import type { Evidence, Violation } from '../evidence.ts'

/** The audit log on disk is whole, its sequences have no gap, and `AUDIT` says the same (I8). */
export function auditOrder({ log, logProblem, published }: Evidence): Violation[] {
  const violations: Violation[] = []
  if (logProblem !== '') violations.push({ rule: 'I8 log', detail: logProblem })
  log.forEach((entry, place) => {
    const before = log[place - 1]
    if (entry.index !== place) violations.push({ rule: 'I8 log', detail: `entry ${entry.index} is at place ${place}` })
    if (before && entry.previous !== before.hash) {
      violations.push({ rule: 'I8 log', detail: `entry ${entry.index} does not follow ${before.index}` })
    }
    const due = (before?.record.stream.seq ?? 0) + 1
    const { seq } = entry.record.stream
    if (seq !== due) violations.push({ rule: 'I8 gap', detail: `sequence ${seq} was sealed where ${due} was due` })
  })
  return [...violations, ...compare(log, published)]
}

function compare(log: readonly SealedRecord[], published: readonly SealedRecord[]): Violation[] {
  if (published.length !== log.length) {
    return [{ rule: 'I8 AUDIT', detail: `AUDIT has ${published.length} records, the log ${log.length}` }]
  }
  const place = published.findIndex(({ index, hash }, at) => index !== log[at]!.index || hash !== log[at]!.hash)
  return place < 0 ? [] : [{ rule: 'I8 AUDIT', detail: `AUDIT has another record than the log at place ${place}` }]
}
