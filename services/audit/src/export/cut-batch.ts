import { setImmediate as othersTurn } from 'node:timers/promises'
import { type AuditExport, durationMs, matchTarget } from '@countersign/contracts'
import type { LogEntry, TenantLog } from '../log/log.ts'
import type { Driver } from './driver.ts'
import type { ExportedRecord } from './open-entry.ts'

/** How much a batch may hold, and how long its first record may wait for more. */
export interface BatchLimits {
  records: number
  bytes: number
  afterMs: number
}

/** A run of entries, and those of them that are sent. */
export interface Cut {
  last: number
  records: ExportedRecord[]
  /** When the first entry was stored. */
  oldest: number
}

/** Records read between two looks at what else there is to do. */
const breatheEvery = 32

/** An object of an archive is worth gathering for; others want records at once. */
export function limitsOf({ batch, to }: AuditExport['spec']): BatchLimits {
  const usual = to.type === 's3' ? { records: 5000, bytes: 4_194_304, after: '1m' } : { records: 200, bytes: 1_048_576 }
  const { records = usual.records, bytes = usual.bytes, after = usual.after } = batch
  return { records, bytes, afterMs: after === undefined ? 0 : durationMs(after) }
}

/** Which records an export sends. */
export function matcherOf({ match }: AuditExport['spec']): (record: ExportedRecord) => boolean {
  const server = matchTarget(match.servers)
  const events = match.events && new Set(match.events)
  return ({ sealed: { record } }) =>
    (match.servers === undefined || (record.server !== undefined && server(record.server))) &&
    (events === undefined || events.has(record.event))
}

/**
 * Reads the next batch from a log; undefined when there is nothing.
 *
 * @param through the last index of a batch that was begun before, which is cut the same again
 */
export async function cutBatch(
  log: TenantLog,
  from: number,
  through: number | undefined,
  limits: BatchLimits,
  {
    open,
    matches,
    partitionOf = () => '',
  }: {
    open: (entry: LogEntry) => ExportedRecord
    matches: (record: ExportedRecord) => boolean
    partitionOf?: Driver['partitionOf']
  },
): Promise<Cut | undefined> {
  const count = through === undefined ? limits.records : through - from + 1
  let cut: Cut | undefined
  let partition: string | undefined
  let bytes = 0
  // A read ends after 8 MiB at the latest, which is more than a batch holds.
  for (const entry of await log.read(from, count)) {
    if (entry.index % breatheEvery === 0) await othersTurn()
    const record = open(entry)
    const own = partitionOf(record)
    if (cut && through === undefined && (bytes + entry.text.length > limits.bytes || own !== partition)) break
    cut ??= { last: entry.index, records: [], oldest: Date.parse(record.sealed.record.storedAt) }
    partition = own
    bytes += entry.text.length
    cut.last = entry.index
    if (matches(record)) cut.records.push(record)
  }
  return cut
}
