import type { Log, LogEntry } from '../log/log.ts'
import { isLater } from '../log/stream-position.ts'
import { readHead, type RecordHead } from './record-text.ts'

const pageSize = 500
/** About so many bytes are handed on at once; one entry may have most of it. */
const pageBytes = 8 * 1024 * 1024

/** Entries of one tenant that wait to be published. */
interface Queue {
  next: number
  end: number
  page: LogEntry[]
}

/**
 * Entries of several logs, a page at a time: of each log in its order, and among them in the order of each stream.
 *
 * @param from by tenant, the first index; 0 where there is none
 * @param to by tenant, the index after the last
 */
export async function* readBacklog(
  log: Pick<Log, 'tree'>,
  from: ReadonlyMap<string, number>,
  to: ReadonlyMap<string, number>,
): AsyncGenerator<LogEntry[]> {
  const queues = new Map<string, Queue>()
  for (const [tenant, end] of to) {
    const next = from.get(tenant) ?? 0
    if (next < end) queues.set(tenant, { next, end, page: [] })
  }
  let entries: LogEntry[] = []
  let bytes = 0
  while (queues.size > 0) {
    for (const [tenant, queue] of queues) {
      if (queue.page.length > 0) continue
      const count = Math.max(1, Math.floor(pageSize / queues.size))
      queue.page = await log.tree(tenant).read(queue.next, Math.min(count, queue.end - queue.next))
      queue.next += queue.page.length
    }
    const [tenant, oldest] = [...queues].reduce((a, b) => (comesAfter(headOf(a[1]), headOf(b[1])) ? b : a))
    const entry = oldest.page.shift()!
    entries.push(entry)
    bytes += entry.text.length
    if (oldest.page.length === 0 && oldest.next === oldest.end) queues.delete(tenant)
    if (entries.length < pageSize && bytes < pageBytes && queues.size > 0) continue
    yield entries
    entries = []
    bytes = 0
  }
}

/** Of two streams nothing tells which event was sealed first, so it is when they were stored. */
function comesAfter(one: RecordHead, other: RecordHead): boolean {
  return one.stream === other.stream ? isLater(one, other) : one.storedAt > other.storedAt
}

function headOf({ page }: Queue) {
  return readHead(page[0]!.text.slice(0, -1))
}
