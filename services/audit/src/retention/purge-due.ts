import { type Bus, type Fill, roomFor } from '@countersign/bus'
import { subjects } from '@countersign/contracts'
import type { EndedCall, EndedCalls } from './ended-calls.ts'
import type { CallTracker } from './track-calls.ts'

/** How long calls stay after they ended. */
export interface RetentionTimes {
  graceMs: number
  /** How long the final event of a call with an idempotency key stays, so that asking again answers. */
  keyedMs: number
  /** How long a call that is due waits to be purged together with others, before it is purged alone. */
  patienceMs: number
}

export const keyedMs = 24 * 3600 * 1000

/** The times for a grace period. */
export function retentionTimes(graceMs: number): RetentionTimes {
  return { graceMs, keyedMs, patienceMs: Math.min(30_000, graceMs / 10) }
}

/** From this share of the room for new calls on what has ended goes sooner; who waits for its answer has it long before the least. */
const [roomyShare, leastGraceMs] = [0.6, 30_000]

/**
 * The times when a stream is as full as this. New calls are refused where what ended fills the room for them (I7), so its grace becomes the
 * shorter the less room there is: at hundreds of calls a second ten minutes of them are more than the budget.
 */
export function timesAt(times: RetentionTimes, { bytes, maxBytes }: Fill): RetentionTimes {
  if (maxBytes <= 0) return times
  const used = bytes / (maxBytes * roomFor('requested'))
  const left = Math.min(1, Math.max(0, (1 - used) / (1 - roomyShare)))
  const graceMs = Math.max(Math.min(times.graceMs, leastGraceMs), times.graceMs * left)
  return { ...times, graceMs, patienceMs: Math.min(times.patienceMs, graceMs / 10) }
}

/** Purges of single calls in flight at once. */
const atOnce = 16

/** What purging works with. */
export interface PurgeOptions {
  bus: Pick<Bus, 'purge'>
  tracker: CallTracker
  times: RetentionTimes
  nowMs: number
  /** Ends the round early. */
  signal: AbortSignal
}

/**
 * Purges what is due. Most calls end soon after they began: then everything below some sequence is due, and one request purges
 * it. A call that takes long (a hold, a kept answer) stands in the way of those after it; they are purged one by one.
 *
 * @returns how many messages went
 */
export async function purgeDue(options: PurgeOptions): Promise<number> {
  const { bus, tracker, times, nowMs } = options
  const { plain, keyed, kept } = tracker
  let purged = await purgeBelow(options)
  plain.shift(Math.min(plain.wholeBelow(tracker.purgedBelow), plain.endedBy(nowMs - times.graceMs)))
  const overdue = plain.endedBy(nowMs - times.graceMs - times.patienceMs)
  purged += await takeEach(options, plain, overdue, (call) => purgeCall(bus, call))
  purged += await takeEach(options, keyed, keyed.endedBy(nowMs - times.graceMs), async (call) => {
    // When audit starts only the final event of most is left.
    const alone = call.firstSeq === call.lastSeq
    const count = alone ? 0 : await bus.purge('CALLS', { filter: subjects.callHistory(call), seq: call.lastSeq })
    kept.push({ ...call, firstSeq: call.lastSeq }, nowMs)
    return count
  })
  return purged + (await takeEach(options, kept, kept.endedBy(nowMs - times.keyedMs), (call) => purgeCall(bus, call)))
}

/** Purges a call up to its final event: under an idempotency key the same call may have begun anew after it. */
function purgeCall(bus: Pick<Bus, 'purge'>, call: EndedCall): Promise<number> {
  return bus.purge('CALLS', { filter: subjects.callHistory(call), seq: call.lastSeq + 1 })
}

/** Purges everything below the first sequence that must stay. */
async function purgeBelow({ bus, tracker, times, nowMs }: PurgeOptions): Promise<number> {
  const endedByMs = nowMs - times.graceMs
  const seq = tracker.keepFrom(endedByMs)
  const due = tracker.plain.endedBy(endedByMs)
  if (due === 0 || seq <= tracker.purgedBelow) return 0
  let purged = 0
  // Whole calls only, so that nobody ever reads half a history.
  const straddling = tracker.plain.straddling(seq, due)
  for (let from = 0; from < straddling.length; from += atOnce) {
    const calls = straddling.slice(from, from + atOnce).map((place) => tracker.plain.at(place)!)
    purged += sum(await Promise.all(calls.map((call) => purgeCall(bus, call))))
  }
  purged += await bus.purge('CALLS', { seq })
  tracker.purgedBelow = seq
  return purged
}

/** Does something for each of the oldest calls of a queue, several at once, and takes them out when it was done. */
async function takeEach(
  { tracker, signal }: PurgeOptions,
  queue: EndedCalls,
  count: number,
  work: (call: EndedCall) => Promise<number>,
): Promise<number> {
  let purged = 0
  for (let done = 0; done < count && !signal.aborted;) {
    const calls: EndedCall[] = []
    while (calls.length < Math.min(atOnce, count - done)) {
      const call = queue.at(calls.length)
      // Only what is sealed may go (I8).
      if (!call || call.lastSeq > tracker.sealedThrough) break
      calls.push(call)
    }
    if (calls.length === 0) break
    purged += sum(await Promise.all(calls.map(work)))
    queue.shift(calls.length)
    done += calls.length
  }
  return purged
}

function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
