import type { LogEntry, Sealed } from '../log/log.ts'
import type { StoredMessage } from './make-record.ts'
import { seal, sealAll, type SealOptions } from './seal.ts'

/** What recording the messages of one source works with. */
export interface RecordOptions extends Omit<SealOptions, 'onSealed'> {
  /** Told of each batch of records once it is on disk. */
  onSealed: (sealed: readonly Sealed[]) => void
}

/** Work that is done in turn, whoever asks for it: there is one log. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve()

  take(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Resolves when nothing is being done. */
  async idle(): Promise<void> {
    await this.#last
  }
}

/** Records the events of one source: seals what came, then publishes what was sealed. One batch at a time, of all sources. */
export class Recorder {
  readonly #sealing: SealOptions
  readonly #publish: (sealed: readonly LogEntry[]) => Promise<void>
  readonly #turn: Turn

  constructor(options: RecordOptions, publish: (sealed: readonly LogEntry[]) => Promise<void>, turn: Turn) {
    this.#publish = publish
    this.#turn = turn
    this.#sealing = {
      ...options,
      onSealed: async (sealed) => {
        options.onSealed(sealed)
        await publish(sealed)
      },
    }
  }

  /** Records a delivered batch; when it returns, all of it is on disk and published, and may be acknowledged (I8). */
  record(batch: readonly StoredMessage[]): Promise<void> {
    return this.#turn.take(async () => {
      // What was sealed when publishing failed is passed over by sealing.
      await this.#publish([])
      await seal(this.#sealing, batch)
    })
  }

  /** Records everything that is in the stream now, without waiting for its delivery. */
  recordAll(): Promise<void> {
    return this.#turn.take(async () => {
      await this.#publish([])
      await sealAll(this.#sealing)
    })
  }
}
