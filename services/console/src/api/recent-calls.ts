import type { Bus } from '@countersign/bus'
import { callRow, type CallView, failureCodeOf } from '@countersign/contracts'
import { type StoredCallEvent, storedCallEvent } from './feed/stored-call-event.ts'

/** How far back is looked: so many events, and for so long. */
const maxEvents = 5000
const maxMs = 3000
const windowEvents = 250
const windowBytes = 8 * 1024 * 1024

/**
 * The calls whose events were stored last, newest first, read from the stream itself, a piece at a time from its end.
 *
 * @param matches which are wanted
 * @param limit how many at most
 */
export async function recentCalls(
  bus: Pick<Bus, 'readStream' | 'streamInfo'>,
  matches: (call: CallView) => boolean,
  limit: number,
): Promise<CallView[]> {
  const { firstSeq, lastSeq } = await bus.streamInfo('CALLS')
  const deadline = Date.now() + maxMs
  const oldest = Math.max(firstSeq, lastSeq - maxEvents + 1)
  /** By its newest event: what is read later is older. */
  const calls = new Map<string, CallView>()
  const found = () => [...calls.values()].filter(matches)
  for (let end = lastSeq + 1; end > oldest && Date.now() < deadline && found().length < limit;) {
    const start = Math.max(oldest, end - windowEvents)
    for (const event of (await eventsBetween(bus, start, end)).toReversed())
      if (!calls.has(event.call.callId)) calls.set(event.call.callId, rowOf(event))
    end = start
  }
  return found().slice(0, limit)
}

/** The events from a sequence to before another, in order. */
async function eventsBetween(bus: Pick<Bus, 'readStream'>, start: number, end: number): Promise<StoredCallEvent[]> {
  const events: StoredCallEvent[] = []
  for (let next = start; next < end;) {
    const page = await bus.readStream('CALLS', next, { maxMessages: end - next, maxBytes: windowBytes })
    if (page.length === 0) break
    events.push(...page.flatMap((message) => (message.seq < end ? (storedCallEvent(message) ?? []) : [])))
    next = page.at(-1)!.seq + 1
  }
  return events
}

function rowOf({ call, event, data, time }: StoredCallEvent): CallView {
  return callRow(call, { state: event, updatedAt: time, code: failureCodeOf(data) })
}
