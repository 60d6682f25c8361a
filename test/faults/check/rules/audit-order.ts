import type { SealedRecord } from '@countersign/contracts'
import type { Evidence, Violation } from '../evidence.ts'

/** The audit log on disk is whole, its sequences have no gap, and `AUDIT` says the same (I8). */
export function auditOrder({ log, logProblem, published }: Evidence): Violation[] {
  const violations: Violation[] = []
  if (logProblem !== '') violations.push({ rule: 'I8 log', detail: logProblem })
  const sizes = new Map<string, number>()
  log.forEach(({ index, record: { tenant, stream } }, place) => {
    const due = sizes.get(tenant) ?? 0
    sizes.set(tenant, due + 1)
    if (index !== due) violations.push({ rule: 'I8 log', detail: `entry ${index} of ${tenant} is at place ${due}` })
    const before = log[place - 1]?.record.stream.seq ?? 0
    if (stream.previous !== before) {
      violations.push({
        rule: 'I8 log',
        detail: `sequence ${stream.seq} says that ${stream.previous} was before it, not ${before}`,
      })
    }
    if (stream.seq !== before + 1) {
      violations.push({ rule: 'I8 gap', detail: `sequence ${stream.seq} was sealed where ${before + 1} was due` })
    }
  })
  return [...violations, ...compare(log, published)]
}

function compare(log: readonly SealedRecord[], published: readonly SealedRecord[]): Violation[] {
  if (published.length !== log.length) {
    return [{ rule: 'I8 AUDIT', detail: `AUDIT has ${published.length} records, the log ${log.length}` }]
  }
  const place = published.findIndex((one, at) => one.index !== log[at]!.index || one.leafHash !== log[at]!.leafHash)
  return place < 0 ? [] : [{ rule: 'I8 AUDIT', detail: `AUDIT has another record than the log at place ${place}` }]
}
