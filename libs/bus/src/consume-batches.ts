import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { backoffMs, type Consumption, pause } from './consume.ts'
import { type Delivery, deliveryOf, statusOf } from './delivery.ts'

export interface BatchOptions {
  stream: string
  consumer: string
  maxBatch: number
  /** How long the first message of a batch waits for more, in milliseconds; after a full batch nothing waits. */
  lingerMs: number
  /** Handles a batch in stream order; when it returns, all of it is acknowledged, when it throws, none is. */
  handler: (batch: Delivery[]) => Promise<void>
  onProblem: (error: unknown) => void
}

/** How long the server keeps a request for a first message open. */
const longPollMs = 5000
/** An answer to a request that is late by this is not waited for any more: the connection was lost in between. */
const lateMs = 2000

/**
 * Handles messages in order and in batches, acknowledging each batch with one acknowledgement (ack policy `all`). A batch whose
 * handler throws is handed in again after a while, so that nothing overtakes it; copies that the server redelivers meanwhile
 * are the handler's to recognise by their sequence.
 *
 * Messages are asked for when they are wanted, not pushed as they come: under load that is one wake-up a batch instead of one a
 * message, on processors that calls are waiting for.
 */
export function consumeBatches(nc: NatsConnection, inboxPrefix: string, options: BatchOptions): Consumption {
  let stopped = false
  const stopping = Promise.withResolvers<void>()

  const handle = async (batch: Msg[]) => {
    const deliveries = batch.map(deliveryOf)
    for (let attempt = 0; ; attempt++) {
      try {
        await options.handler(deliveries)
        batch.at(-1)!.respond()
        return
      } catch (error) {
        options.onProblem(error)
        await Promise.race([pause(backoffMs[Math.min(attempt, backoffMs.length - 1)]!), stopping.promise])
        if (stopped || nc.isClosed()) return
      }
    }
  }
  const next = (request: { batch: number; no_wait?: boolean; expires?: number }, waitMs: number) =>
    pull(nc, inboxPrefix, options, request, waitMs, stopping.promise)
  const run = async () => {
    let full = false
    while (!stopped && !nc.isClosed()) {
      try {
        const batch: Msg[] = full ? [] : await next({ batch: 1, expires: longPollMs * 1e6 }, longPollMs + lateMs)
        if (batch.length > 0) await Promise.race([pause(options.lingerMs), stopping.promise])
        if (batch.length > 0 || full) batch.push(...(await next({ batch: options.maxBatch, no_wait: true }, lateMs)))
        full = batch.length >= options.maxBatch
        if (batch.length > 0) await handle(batch)
      } catch (error) {
        if (stopped || nc.isClosed()) return
        options.onProblem(error)
        await pause(500)
      }
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

/** One request for messages (`CONSUMER.MSG.NEXT`): resolves to what came, up to the batch or the server's word that there is no more. */
async function pull(
  nc: NatsConnection,
  inboxPrefix: string,
  { stream, consumer }: BatchOptions,
  request: { batch: number; no_wait?: boolean; expires?: number },
  waitMs: number,
  stopping: Promise<void>,
): Promise<Msg[]> {
  const messages: Msg[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const inbox = createInbox(inboxPrefix)
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return reject(error)
      const status = statusOf(message)
      if (status === undefined) {
        messages.push(message)
        if (messages.length === request.batch) resolve()
      } else if (status === 404 || status === 408) resolve()
      else if (status >= 400)
        reject(new Error(`${stream}/${consumer}: ${message.headers?.description ?? 'refused'} (${status})`))
    },
  })
  const timer = setTimeout(resolve, waitMs)
  try {
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), { reply: inbox })
    await Promise.race([promise, stopping])
    return messages
  } finally {
    clearTimeout(timer)
    subscription.unsubscribe()
  }
}
