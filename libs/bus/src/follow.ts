import type { ConsumerMessages, JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { type Consumption, storedAt } from './consume.ts'

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

const retryMs = 500

/**
 * Watches a stream in order, acknowledging nothing (an ordered consumer, gone soon after its reader). Resolves when the place
 * to start from is fixed: whatever is stored after that is handed over, once, whatever happens to the connection.
 *
 * @param onMessage called in stream order, without waiting
 * @throws Error when the stream cannot be read at all
 */
export async function follow(
  js: JetStreamClient,
  jsm: JetStreamManager,
  stream: string,
  options: FollowOptions,
  onMessage: (message: Followed) => void,
): Promise<Consumption> {
  let next = options.startSeq ?? (await jsm.streams.info(stream)).state.last_seq + 1
  let messages: ConsumerMessages | undefined
  let stopped = false
  const stopping = Promise.withResolvers<void>()

  const read = async () => {
    const consumer = await js.consumers.get(stream, {
      filter_subjects: options.filter,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: next,
    })
    messages = await consumer.consume({
      callback: (message) => {
        const { subject, data, seq } = message
        if (stopped || seq < next) return
        next = seq + 1
        onMessage({ subject, data, seq, storedAt: storedAt(message) })
      },
    })
    if (stopped) messages.stop()
    await messages.closed()
  }
  const run = async () => {
    while (!stopped) {
      try {
        await read()
      } catch (error) {
        if (!stopped) options.onProblem(error)
      }
      if (!stopped) await Promise.race([stopping.promise, new Promise((resolve) => setTimeout(resolve, retryMs))])
    }
  }
  const running = run()
  return {
    async stop() {
      stopped = true
      stopping.resolve()
      messages?.stop()
      await running
    },
  }
}
