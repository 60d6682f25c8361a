import { type CallAddress, CountersignError, History, parseCallSubject, subjects } from '@countersign/contracts'
import type { JetStreamManager } from '@nats-io/jetstream'
import { pause } from './consume.ts'
import { isWithoutLeader, storeUnavailable } from './errors.ts'

/** More events than any call can have: votes are bounded by the number of approvers. */
const maxEvents = 1000
const timeoutMs = 10_000
const behindMs = 20
/** Who asks a service for what needs a history waits five seconds for it. */
const [electingMs, electedWithinMs] = [250, 4000]
const leaderMs = 1000

/**
 * Reads the events of one call from `CALLS` in stream order; an empty history when there are none.
 *
 * @param replicated any server of a cluster answers, also one that has not caught up yet. What is acknowledged on the strength of an old
 * history is lost (I5), so its leader is asked how far the history goes
 * @throws CountersignError `store_unavailable` when the server does not answer in time, or only with a history that is too old
 */
export async function readHistory(jsm: JetStreamManager, at: CallAddress, replicated: boolean): Promise<History> {
  const [deadline, electedBy] = [Date.now() + timeoutMs, Date.now() + electedWithinMs]
  for (;;) {
    const history = await whileElecting(() => readOnce(jsm, at), electedBy)
    if (!replicated) return history
    const newest = await whileElecting(
      () => soon(jsm.streams.getMessage('CALLS', { last_by_subj: subjects.callHistory(at) })),
      electedBy,
    )
    if (!newest || history.lastSeq >= newest.seq) return history
    if (Date.now() > deadline) {
      throw storeUnavailable(
        `the history of call ${at.callId} is only to be had from a server that is behind; ask again`,
      )
    }
    await pause(behindMs)
  }
}

/** Asks again while servers agree on who leads them, some seconds after the one that did went away: they refuse at once, or say nothing. */
async function whileElecting<T>(ask: () => Promise<T>, electedBy: number): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const isWithout = isWithoutLeader(error) || error instanceof CountersignError
      if (!isWithout || Date.now() + electingMs > electedBy) throw error
      await pause(electingMs)
    }
  }
}

/**
 * A question that only a leader answers.
 *
 * @throws CountersignError `store_unavailable` when it does not within a second
 */
async function soon<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const message = 'no server of the event store leads the others just now; ask again'
    timer = setTimeout(() => reject(storeUnavailable(message)), leaderMs)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

async function readOnce(jsm: JetStreamManager, at: CallAddress): Promise<History> {
  const messages: { seq: number; event: string; data: Uint8Array }[] = []
  try {
    const stored = await jsm.direct.getBatch('CALLS', {
      seq: 1,
      next_by_subj: subjects.callHistory(at),
      batch: maxEvents,
    })
    // The client itself waits for ever when the connection breaks between two messages.
    const timer = setTimeout(
      () => stored.stop(storeUnavailable(`the event store does not tell the history of call ${at.callId}; ask again`)),
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
