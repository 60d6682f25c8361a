import { setImmediate as othersTurn } from 'node:timers/promises'
import { type AuditExport, durationMs, matchTarget } from '@countersign/contracts'
import type { LogEntry, TenantLog } from '../log/log.ts'
import type { Driver } from './driver.ts'
import type { ExportedRecord } from './open-entry.ts'

/** How much a batch may hold, and how long its first record may wait for more. A record that is longer by itself is a batch. */
export interface BatchLimits {
  records: number
  /** Of the sealed records; their form may be longer. */
  bytes: number
  afterMs: number
}

/** A run of entries, and those of them that are sent. */
export interface Cut {
  last: number
  records: ExportedRecord[]
  /** When the first entry was stored. */
  oldest: number
  /** It ended because it has as many bytes as it may. */
  isHeavy: boolean
}

/** Records read between two looks at what else there is to do. */
const breatheEvery = 32
/** A batch that was begun before is no longer than a batch may be. */
const mostBytes = 8 * 1024 * 1024

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
 * @param how.step entries read at first, then twice as many and so on: what is large is not read only to find that it is too much
 */
export async function cutBatch(
  log: Pick<TenantLog, 'read'>,
  from: number,
  through: number | undefined,
  limits: BatchLimits,
  {
    open,
    matches,
    partitionOf = () => '',
    step = Infinity,
  }: {
    open: (entry: LogEntry) => ExportedRecord
    matches: (record: ExportedRecord) => boolean
    partitionOf?: Driver['partitionOf']
    step?: number
  },
): Promise<Cut | undefined> {
  const [count, most] = through === undefined ? [limits.records, limits.bytes] : [through - from + 1, mostBytes]
  let cut: Cut | undefined
  let partition: string | undefined
  let bytes = 0
  for await (const entry of entriesFrom(log, from, count, step)) {
    if (entry.index % breatheEvery === 0) await othersTurn()
    const length = Buffer.byteLength(entry.text)
    if (cut && bytes + length > most) return { ...cut, isHeavy: true }
    const record = open(entry)
    const own = partitionOf(record)
    if (cut && through === undefined && own !== partition) break
    cut ??= { last: entry.index, records: [], oldest: Date.parse(record.sealed.record.storedAt), isHeavy: false }
    partition = own
    bytes += length
    cut.last = entry.index
    if (matches(record)) cut.records.push(record)
  }
  return cut
}

async function* entriesFrom(
  log: Pick<TenantLog, 'read'>,
  from: number,
  count: number,
  step: number,
): AsyncGenerator<LogEntry> {
  for (let [next, many] = [from, step]; next < from + count; many *= 2) {
    const entries = await log.read(next, Math.min(many, from + count - next))
    if (entries.length === 0) return
    yield* entries
    next += entries.length
  }
}
