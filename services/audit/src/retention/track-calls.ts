import { callEvents, isCallEventName, isKeyedCallId } from '@countersign/contracts'
import { noCall, type RecordText } from '../record/record-text.ts'
import { EndedCalls } from './ended-calls.ts'

/** True for an event after which nothing comes: an unknown outcome still waits for a person's ruling. */
export function endsCall(event: string): boolean {
  return isCallEventName(event) && callEvents[event].final && event !== 'unknown'
}

/** What is looked at of a sealed event. */
export type SealedEvent = Pick<RecordText, 'tenant' | 'server' | 'callId' | 'event' | 'seq' | 'storedAt'>

/** What is still in the stream, as far as it is sealed. */
export class CallTracker {
  /** First sequences of calls that have not ended, oldest first. */
  readonly #open = new Map<string, number>()
  /** Ended calls without an idempotency key, those with one, and of the latter those of which only the final event is left. */
  readonly plain = new EndedCalls()
  readonly keyed = new EndedCalls()
  readonly kept = new EndedCalls()
  /** Up to here everything in the stream is sealed. */
  sealedThrough = 0
  /** Nothing is left below this sequence. */
  purgedBelow = 0

  /** Takes note of sealed events, in the order of the stream. */
  sealed(events: Iterable<SealedEvent>, nowMs: number): void {
    for (const { tenant, server, callId, event, seq, storedAt } of events) {
      // Read from the stream before it was told.
      if (seq <= this.sealedThrough) continue
      this.sealedThrough = seq
      if (server === undefined || callId === undefined || callId === noCall.callId) continue
      const firstSeq = this.#open.get(callId) ?? seq
      if (!endsCall(event)) {
        if (firstSeq === seq) this.#open.set(callId, seq)
        continue
      }
      this.#open.delete(callId)
      const queue = isKeyedCallId(callId) ? this.keyed : this.plain
      queue.push({ tenant, server, callId, firstSeq, lastSeq: seq, endedMs: Date.parse(storedAt) }, nowMs)
    }
  }

  /** The lowest sequence that must stay: below it are only plain calls that ended by an instant, and all of it is sealed (I8). */
  keepFrom(endedByMs: number): number {
    const [oldestOpen = Number.POSITIVE_INFINITY] = this.#open.values()
    const notDue = this.plain.minFirstSeq(this.plain.endedBy(endedByMs))
    return Math.min(oldestOpen, notDue, this.keyed.minFirstSeq(), this.kept.minFirstSeq(), this.sealedThrough + 1)
  }
}
