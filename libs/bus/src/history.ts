import { type CallAddress, History, parseCallSubject, subjects } from '@countersign/contracts'
import type { JetStreamManager } from '@nats-io/jetstream'

/** More events than any call can have: votes are bounded by the number of approvers. */
const maxEvents = 1000

/** Reads the events of one call from `CALLS` in stream order; an empty history when there are none. */
export async function readHistory(jsm: JetStreamManager, at: CallAddress): Promise<History> {
  const messages: { seq: number; event: string; data: Uint8Array }[] = []
  try {
    const stored = await jsm.direct.getBatch('CALLS', {
      seq: 1,
      next_by_subj: subjects.callHistory(at),
      batch: maxEvents,
    })
    for await (const message of stored) {
      const address = parseCallSubject(message.subject)
      if (address) messages.push({ seq: message.seq, event: address.event, data: message.data })
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
