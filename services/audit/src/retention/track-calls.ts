import { callEvents, isCallEventName, isKeyedCallId, parseCallSubject } from '@countersign/contracts'
import { noCall, type RecordText } from '../record/record-text.ts'
import { EndedCalls } from './ended-calls.ts'

/** True for an event after which nothing comes: an unknown outcome still waits for a person's ruling. */
export function endsCall(event: string): boolean {
  return isCallEventName(event) && callEvents[event].final && event !== 'unknown'
}

/** The events after which nothing comes. */
export const endingEvents = Object.keys(callEvents).filter(endsCall)

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
  /** Up to here there are calls whose first sequence is not known: they were there when audit started. */
  unknownThrough = 0
  /** Nothing is left below this sequence. */
  purgedBelow = 0

  get openCalls(): number {
    return this.#open.size
  }

  /** Takes note of sealed records. */
  sealed(records: Iterable<Pick<RecordText, 'tenant' | 'server' | 'callId' | 'event' | 'seq' | 'storedAt'>>): void {
    for (const { tenant, server, callId, event, seq, storedAt } of records) {
      this.sealedThrough = seq
      if (server === undefined || callId === undefined || callId === noCall.callId) continue
      const firstSeq = this.#open.get(callId) ?? seq
      if (!endsCall(event)) {
        if (firstSeq === seq) this.#open.set(callId, seq)
        continue
      }
      this.#open.delete(callId)
      this.#ended({ tenant, server, callId, firstSeq, lastSeq: seq, endedMs: Date.parse(storedAt) })
    }
  }

  /**
   * Takes note of calls that had ended before audit started, by the subjects of their final events.
   *
   * @param lastSeq the stream's last sequence when the subjects were read: theirs are not known, but not above it
   * @param nowMs counts as the time they ended, which can only keep them longer
   */
  found(subjects: Iterable<string>, lastSeq: number, nowMs: number): void {
    this.unknownThrough = Math.max(this.unknownThrough, lastSeq)
    for (const subject of subjects) {
      const at = parseCallSubject(subject)
      if (at && endsCall(at.event)) this.#ended({ ...at, firstSeq: 1, lastSeq, endedMs: nowMs })
    }
  }

  /** The lowest sequence that must stay: below it are only plain calls that ended by an instant, and all of it is sealed (I8). */
  keepFrom(endedByMs: number): number {
    const [oldestOpen = Number.POSITIVE_INFINITY] = this.#open.values()
    const notDue = this.plain.minFirstSeq(this.plain.endedBy(endedByMs))
    return Math.min(oldestOpen, notDue, this.keyed.minFirstSeq(), this.kept.minFirstSeq(), this.sealedThrough + 1)
  }

  #ended(call: Parameters<EndedCalls['push']>[0]): void {
    if (isKeyedCallId(call.callId)) this.keyed.push(call)
    else this.plain.push(call)
  }
}
