import type { JetStreamManager } from '@nats-io/jetstream'
import { storeUnavailable } from './errors.ts'
import type { Followed } from './follow.ts'
import { isNotFound } from './history.ts'

const timeoutMs = 10_000

/**
 * Reads messages of a stream in order, without a consumer: what is there from a sequence on, at most `limits`.
 *
 * @param fromSeq the first sequence wanted; sequences that were removed are passed over
 * @param filter which subjects
 * @throws CountersignError `store_unavailable` when the server does not answer in time
 */
export async function readStream(
  jsm: JetStreamManager,
  stream: string,
  fromSeq: number,
  limits: { maxMessages: number; maxBytes: number },
  filter = '>',
): Promise<Followed[]> {
  const read: Followed[] = []
  const messages = await jsm.direct.getBatch(stream, {
    seq: fromSeq,
    next_by_subj: filter,
    batch: limits.maxMessages,
    max_bytes: limits.maxBytes,
  })
  // The client itself waits for ever when the connection breaks between two messages.
  const timer = setTimeout(
    () => messages.stop(storeUnavailable(`the stream ${stream} could not be read within ${timeoutMs} ms; ask again`)),
    timeoutMs,
  )
  try {
    for await (const { subject, data, seq, time } of messages) read.push({ subject, data, seq, storedAt: time })
  } catch (error) {
    if (!isNotFound(error)) throw error
  } finally {
    clearTimeout(timer)
  }
  return read
}
