import { type CallAddress, History, parseCallSubject, subjects } from '@countersign/contracts'
import type { JetStreamManager } from '@nats-io/jetstream'

/** More events than any call can have: votes are bounded by the number of approvers. */
const maxEvents = 1000
const timeoutMs = 10_000

/**
 * Reads the events of one call from `CALLS` in stream order; an empty history when there are none.
 *
 * @throws Error when the server does not answer in time
 */
export async function readHistory(jsm: JetStreamManager, at: CallAddress): Promise<History> {
  const messages: { seq: number; event: string; data: Uint8Array }[] = []
  try {
    const stored = await jsm.direct.getBatch('CALLS', {
      seq: 1,
      next_by_subj: subjects.callHistory(at),
      batch: maxEvents,
    })
    // The client itself waits for ever when the connection breaks between two messages.
    const timer = setTimeout(
      () => stored.stop(new Error(`the history of call ${at.callId} could not be read within ${timeoutMs} ms`)),
      timeoutMs,
    )
    try {
      for await (const message of stored) {
        const address = parseCallSubject(message.subject)
        if (address) messages.push({ seq: message.seq, event: address.event, data: message.data })
      }
    } finally {
      clearTimeout(timer)
    }
  } catch (error) {
    // The server says so when nothing matches.
    if (!isNotFound(error)) throw error
  }
  return History.decode(messages)
}

/** True for the server's answer that no message matches. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404
}
