import { MalformedEvent } from '@countersign/contracts'
import type { ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream'
import { ClosedConnectionError } from '@nats-io/transport-node'
import { Terminal } from './errors.ts'

/** A delivered message, as a handler sees it. */
export interface Delivery {
  subject: string
  data: Uint8Array
  /** Sequence in the stream. */
  seq: number
  /** When it was stored. */
  storedAt: Date
  redelivered: boolean
  deliveries: number
  header(name: string): string | undefined
}

export interface ConsumeOptions {
  stream: string
  consumer: string
  /** Return = ack, `Terminal` or `MalformedEvent` = term, anything else = nak with backoff. */
  handler: (delivery: Delivery) => Promise<void>
  /** Told of everything that was not acknowledged at once, and of a consumer that cannot be read. */
  onProblem: (problem: { what: 'terminated' | 'redelivery' | 'consumer'; error: unknown; delivery?: Delivery }) => void
  /** Messages handled at once. */
  maxInFlight: number
  /** The consumer's ack wait: a message in hand is kept alive three times within it. */
  ackWaitMs: number
}

/** A running consumption. */
export interface Consumption {
  /** Takes no more messages and waits for those in hand. */
  stop(): Promise<void>
}

/**
 * How often the server says that it still has a request for messages. After two that did not come the request is made anew: on a
 * cluster it is lost without a word when the server that has it dies, though the connection is with another and lives.
 */
const heartbeatMs = 3000

export const backoffMs = [100, 500, 2000, 5000, 15_000]

/** Handles the messages of a durable consumer, several at once, until stopped. The only place that acknowledges. */
export function consume(js: JetStreamClient, options: ConsumeOptions): Consumption {
  const inHand = new Set<JsMsg>()
  let messages: ConsumerMessages | undefined
  let stopped = false
  let idle: PromiseWithResolvers<void> | undefined
  // A call may take long: tell the server that it is still being worked on, so that nobody else is given it.
  const heartbeat = setInterval(() => {
    for (const message of inHand) message.working()
  }, options.ackWaitMs / 3).unref()

  const handle = async (message: JsMsg) => {
    inHand.add(message)
    const delivery = deliveryOf(message)
    try {
      await options.handler(delivery)
      message.ack()
    } catch (error) {
      if (error instanceof Terminal || error instanceof MalformedEvent) {
        options.onProblem({ what: 'terminated', error, delivery })
        message.term(error.message.slice(0, 200))
      } else {
        options.onProblem({ what: 'redelivery', error, delivery })
        message.nak(backoffMs[Math.min(delivery.deliveries - 1, backoffMs.length - 1)])
      }
    } finally {
      inHand.delete(message)
      if (inHand.size === 0) idle?.resolve()
    }
  }

  const run = async () => {
    while (!stopped) {
      try {
        const consumer = await js.consumers.get(options.stream, options.consumer)
        messages = await consumer.consume({
          max_messages: options.maxInFlight,
          idle_heartbeat: heartbeatMs,
          callback: (message) => void handle(message),
        })
        if (stopped) messages.stop()
        await messages.closed()
      } catch (error) {
        if (error instanceof ClosedConnectionError) return
        options.onProblem({ what: 'consumer', error })
      }
      if (!stopped) await pause(500)
    }
  }
  const running = run()

  return {
    async stop() {
      stopped = true
      messages?.stop()
      if (inHand.size > 0) {
        idle = Promise.withResolvers()
        await idle.promise
      }
      await running
      clearInterval(heartbeat)
    },
  }
}

/** Resolves after a while. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function deliveryOf(message: JsMsg): Delivery {
  return {
    subject: message.subject,
    data: message.data,
    seq: message.seq,
    storedAt: storedAt(message),
    redelivered: message.redelivered,
    deliveries: message.info.deliveryCount,
    header: (name) => message.headers?.get(name) || undefined,
  }
}

/** When a message was stored; the client's own `time` goes through a double and can be a millisecond off. */
export function storedAt(message: { timestampNanos: bigint }): Date {
  return new Date(Number(message.timestampNanos / 1_000_000n))
}
