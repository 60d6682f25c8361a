import type { JetStreamManager } from '@nats-io/jetstream'
import type { Consumption } from './consume.ts'
import { readStream } from './read-stream.ts'

/** What to follow. */
export interface FollowOptions {
  /** Which subjects, e.g. `calls.>`. */
  filter: string
  /** The first sequence to hand over; left out, only what is stored from now on. */
  startSeq?: number
  /** Told when the stream cannot be read; it is tried again until stopped. */
  onProblem: (error: unknown) => void
}

/** A stored message, as a follower sees it. */
export interface Followed {
  subject: string
  data: Uint8Array
  /** Sequence in the stream. */
  seq: number
  /** When it was stored. */
  storedAt: Date
}

const lookMs = 200
const retryMs = 500
const page = { maxMessages: 256, maxBytes: 8 * 1024 * 1024 }

/**
 * Watches a stream in order, a few times a second, with direct reads and without a consumer: who may make a consumer may also
 * take another's apart (I11). Resolves when the place to start from is fixed: whatever is stored after that is handed over, once,
 * whatever happens to the connection.
 *
 * @param onMessage called in stream order, without waiting
 * @throws Error when the stream cannot be read at all
 */
export async function follow(
  jsm: JetStreamManager,
  stream: string,
  options: FollowOptions,
  onMessage: (message: Followed) => void,
): Promise<Consumption> {
  let next = options.startSeq ?? (await jsm.streams.info(stream)).state.last_seq + 1
  let stopped = false
  const stopping = Promise.withResolvers<void>()

  const look = async (): Promise<number> => {
    try {
      const messages = await readStream(jsm, stream, next, page, options.filter)
      for (const message of messages) {
        if (stopped) break
        next = message.seq + 1
        onMessage(message)
      }
      return messages.length > 0 ? 0 : lookMs
    } catch (error) {
      if (!stopped) options.onProblem(error)
      return retryMs
    }
  }
  const run = async () => {
    while (!stopped) {
      const pauseMs = await look()
      if (pauseMs > 0) await Promise.race([stopping.promise, new Promise((resolve) => setTimeout(resolve, pauseMs))])
    }
  }
  const running = run()
  return {
    async stop() {
      stopped = true
      stopping.resolve()
      await running
    },
  }
}
