import type { LogEntry, Sealed } from '../log/log.ts'
import type { StoredMessage } from './make-record.ts'
import { seal, sealAll, type SealOptions } from './seal.ts'

/** What recording works with. */
export interface RecordOptions extends Omit<SealOptions, 'onSealed'> {
  publish: (sealed: readonly LogEntry[]) => Promise<void>
  /** Told of each batch of records once it is on disk. */
  onSealed: (sealed: readonly Sealed[]) => void
}

/** Records events: seals what came, then publishes what was sealed. One batch at a time. */
export class Recorder {
  readonly #options: RecordOptions
  readonly #sealing: SealOptions
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: RecordOptions) {
    this.#options = options
    this.#sealing = {
      ...options,
      onSealed: async (sealed) => {
        options.onSealed(sealed)
        await options.publish(sealed)
      },
    }
  }

  /** Records a delivered batch; when it returns, all of it is on disk and published, and may be acknowledged (I8). */
  record(batch: readonly StoredMessage[]): Promise<void> {
    return this.#inTurn(async () => {
      // What was sealed when publishing failed is passed over by sealing.
      await this.#options.publish([])
      await seal(this.#sealing, batch)
    })
  }

  /** Records everything that is in the stream now, without waiting for its delivery. */
  recordAll(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#options.publish([])
      await sealAll(this.#sealing)
    })
  }

  /** Resolves when nothing is being recorded. */
  async idle(): Promise<void> {
    await this.#turn
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
