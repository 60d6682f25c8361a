import type { Bus } from '@countersign/bus'
import type { StreamName } from '@countersign/contracts'
import type { Log } from '../log/log.ts'

/**
 * Which stream of a name it is: sequences only mean something together with when their stream was created. Read again after every
 * reconnection, because the server may be another one by then.
 */
export class StreamEpoch {
  readonly #bus: Pick<Bus, 'streamInfo' | 'reconnects'>
  readonly #log: Pick<Log, 'last'>
  readonly stream: StreamName
  #created: string | undefined
  #readAt = -1

  constructor(bus: Pick<Bus, 'streamInfo' | 'reconnects'>, log: Pick<Log, 'last'>, stream: StreamName) {
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
   * @throws Error when the server does not answer, or has fewer events than are sealed: then sequences would come again that
   *   audit takes for sealed, so nothing may be recorded
   */
  async read(): Promise<{ created: string; firstSeq: number; lastSeq: number }> {
    const { reconnects } = this.#bus
    const { created, firstSeq, lastSeq } = await this.#bus.streamInfo(this.stream)
    const sealed = this.sealedThrough(created)
    if (lastSeq < sealed) {
      throw new Error(
        `${this.stream} ends at ${lastSeq}, but the audit log has sealed its events up to ${sealed}: the stream was set back to an older ` +
          'state. Make the stream anew, so that its events are told from those before',
      )
    }
    this.#created = created
    this.#readAt = reconnects
    return { created, firstSeq, lastSeq }
  }
}
