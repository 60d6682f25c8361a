import type { Writable } from 'node:stream'
import { callEvents, type ErrorCode, isCallEventName, type Principal } from '@countersign/contracts'
import { maySeeCall } from '../may-see.ts'
import type { CallNotice } from './call-notice.ts'

/** Held calls a client is remembered to have been told of; the oldest is forgotten first. */
const maxKnown = 10_000
/** Events that may happen while the past is replayed. */
const maxWaiting = 10_000

/** One reader of the live feed: what it may see, what it was told, and how much it has not read yet. */
export class LiveClient {
  readonly viewer: Principal
  readonly #out: Writable
  readonly #maxBufferedBytes: number
  /** Calls the viewer may vote on: later events of them are theirs to see too. */
  readonly #known = new Set<string>()
  readonly #gone = Promise.withResolvers<void>()
  /** While the past is replayed, what happens meanwhile waits here. */
  #waiting: CallNotice[] | undefined = []
  #lastSeq = 0
  #ended = false

  constructor(viewer: Principal, out: Writable, maxBufferedBytes: number) {
    this.viewer = viewer
    this.#out = out
    this.#maxBufferedBytes = maxBufferedBytes
    out.once('close', () => this.#end())
  }

  /** Resolves when the reader is gone, whoever ended it. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Resolves when what was told so far is on its way, or the reader is gone. */
  async drained(): Promise<void> {
    if (!this.#out.writableNeedDrain) return
    await Promise.race([new Promise<void>((resolve) => this.#out.once('drain', resolve)), this.gone])
  }

  /** Nothing up to this sequence is told. */
  startAfter(seq: number): void {
    this.#lastSeq = seq
  }

  /** Takes an event that happens now. */
  hear(notice: CallNotice): void {
    if (!this.#waiting) this.tell(notice)
    else if (this.#waiting.push(notice) > maxWaiting) this.#tooSlow()
  }

  /** From now on events are told as they happen. */
  goLive(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const notice of waiting) this.tell(notice)
  }

  /** Tells the viewer of an event, if it is theirs to see and was not told yet. */
  tell(notice: CallNotice): void {
    if (this.#ended || notice.seq <= this.#lastSeq) return
    this.#lastSeq = notice.seq
    if (!this.#maySee(notice)) return
    this.#write(`event: call\nid: ${notice.seq}\ndata: ${JSON.stringify(notice.news)}\n\n`)
  }

  /** A sign of life, so that neither side takes silence for the end. */
  beat(): void {
    if (!this.#ended) this.#write(': still here\n\n')
  }

  /** Ends the feed with a last event that says why. */
  drop(code: ErrorCode, message: string): void {
    if (this.#ended) return
    this.#end()
    this.#out.end(`event: dropped\ndata: ${JSON.stringify({ code, message })}\n\n`)
    // Who does not read does not see the end either.
    setTimeout(() => this.#out.destroy(), 5000).unref()
  }

  /** Lets the viewer see a call that they may vote on. */
  remember(callId: string): void {
    this.#known.add(callId)
    if (this.#known.size > maxKnown) this.#known.delete(this.#known.values().next().value!)
  }

  #write(text: string): void {
    if (this.#out.writableLength > this.#maxBufferedBytes) this.#tooSlow()
    else this.#out.write(text)
  }

  #tooSlow(): void {
    this.drop('overloaded', 'this reader is too slow; connect again with Last-Event-ID to go on where it stopped')
  }

  #end(): void {
    this.#ended = true
    this.#waiting = undefined
    this.#gone.resolve()
  }

  #maySee({ tenant, approverGroups, news: { callId, principal, event } }: CallNotice): boolean {
    if (maySeeCall(this.viewer, { tenant, principal, approverGroups })) {
      if (approverGroups.length > 0) this.remember(callId)
      return true
    }
    const known = tenant === this.viewer.tenant && this.#known.has(callId)
    // An unknown outcome is final until a person resolves it.
    if (known && isCallEventName(event) && callEvents[event].final && event !== 'unknown') this.#known.delete(callId)
    return known
  }
}
