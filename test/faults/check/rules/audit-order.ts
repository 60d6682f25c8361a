import type { SealedRecord } from '@countersign/contracts'
import type { Evidence, Violation } from '../evidence.ts'

/** The audit log on disk is whole, its sequences have no gap, and `AUDIT` says the same (I8). */
export function auditOrder({ log, logProblem, published }: Evidence): Violation[] {
  const violations: Violation[] = []
  if (logProblem !== '') violations.push({ rule: 'I8 log', detail: logProblem })
  for (const [tenant, records] of byTenant(log)) {
    const place = records.findIndex(({ index }, at) => index !== at)
    if (place >= 0) {
      violations.push({ rule: 'I8 log', detail: `entry ${records[place]!.index} of ${tenant} is at place ${place}` })
    }
  }
  for (const [name, records] of Map.groupBy(log, streamOf)) {
    let before = 0
    for (const { seq, previous } of records.map(({ record }) => record.stream).toSorted((a, b) => a.seq - b.seq)) {
      if (previous !== before) {
        const detail = `sequence ${seq} of ${name} says that ${previous} was before it, not ${before}`
        violations.push({ rule: 'I8 log', detail })
      }
      if (seq !== before + 1) {
        violations.push({ rule: 'I8 gap', detail: `sequence ${seq} of ${name} was sealed where ${before + 1} was due` })
      }
      before = seq
    }
  }
  return [...violations, ...compare(log, published)]
}

/** Of each tenant AUDIT must have what its log has, in the same order. */
function compare(log: readonly SealedRecord[], published: readonly SealedRecord[]): Violation[] {
  if (published.length !== log.length) {
    return [{ rule: 'I8 AUDIT', detail: `AUDIT has ${published.length} records, the log ${log.length}` }]
  }
  const told = byTenant(published)
  return [...byTenant(log)].flatMap(([tenant, records]): Violation[] => {
    const place = records.findIndex(({ index, leafHash }, at) => {
      const other = told.get(tenant)?.[at]
      return other?.index !== index || other.leafHash !== leafHash
    })
    const detail = `AUDIT has another record than the log of ${tenant} at place ${place}`
    return place < 0 ? [] : [{ rule: 'I8 AUDIT', detail }]
  })
}

function byTenant(records: readonly SealedRecord[]): Map<string, SealedRecord[]> {
  return Map.groupBy(records, ({ record }) => record.tenant)
}

function streamOf({ record }: SealedRecord): string {
  return record.version === 2 ? 'CALLS' : record.stream.name
}
