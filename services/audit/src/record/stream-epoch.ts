import type { Bus, Fill } from '@countersign/bus'
import type { StreamName } from '@countersign/contracts'
import type { Log } from '../log/log.ts'
import type { StreamPosition } from '../log/stream-position.ts'

/** More than any message may have. */
const maxEventBytes = 2 ** 24

/**
 * Which stream of a name it is: sequences only mean something together with when their stream was created. Read again after every
 * reconnection, because the server may be another one by then.
 */
export class StreamEpoch {
  readonly #bus: Pick<Bus, 'streamInfo' | 'readStream' | 'reconnects'>
  readonly #log: Pick<Log, 'last'>
  readonly stream: StreamName
  #created: string | undefined
  #readAt = -1

  constructor(bus: Pick<Bus, 'streamInfo' | 'readStream' | 'reconnects'>, log: Pick<Log, 'last'>, stream: StreamName) {
    this.#bus = bus
    this.#log = log
    this.stream = stream
  }

  /** When the stream was created, if that is known and nothing happened since it was read. */
  get known(): string | undefined {
    return this.#readAt === this.#bus.reconnects ? this.#created : undefined
  }

  /** The last sequence of this stream that is sealed; 0 for none. */
  sealedThrough(created: string): number {
    const last = this.#log.last[this.stream]
    return last?.created === created ? last.seq : 0
  }

  /**
   * Reads the stream's identity and state.
   *
   * @throws Error when the server does not answer, has fewer events than are sealed, or another one where the last sealed one was: then there
   *   are, or will be, sequences that audit takes for sealed, so nothing may be recorded
   */
  async read(): Promise<{ created: string; firstSeq: number; lastSeq: number } & Fill> {
    const { reconnects } = this.#bus
    // Before: what is sealed meanwhile may be newer than the answer.
    const last = this.#log.last[this.stream]
    const { created, firstSeq, lastSeq, bytes, maxBytes } = await this.#bus.streamInfo(this.stream)
    if (last?.created === created) {
      if (lastSeq < last.seq) {
        throw this.#setBack(`ends at ${lastSeq}, but the audit log has sealed its events up to ${last.seq}`)
      }
      if (await this.#hasAnotherAt(last)) {
        throw this.#setBack(`has another event at ${last.seq} than the one that the audit log has sealed`)
      }
    }
    this.#created = created
    this.#readAt = reconnects
    return { created, firstSeq, lastSeq, bytes, maxBytes }
  }

  /** A stream that was set back may have gone on beyond what is sealed since. Of an event that was purged nothing can be said. */
  async #hasAnotherAt({ seq, storedAt }: StreamPosition): Promise<boolean> {
    if (storedAt === undefined) return false
    const [event] = await this.#bus.readStream(this.stream, seq, { maxMessages: 1, maxBytes: maxEventBytes })
    return event?.seq === seq && event.storedAt.toISOString() !== storedAt
  }

  #setBack(found: string): Error {
    // Nothing is sealed by what was known before.
    this.#created = undefined
    return new Error(
      `${this.stream} ${found}: the stream was set back to an older state. Make the stream anew, so that its events are told from those before`,
    )
  }
}
