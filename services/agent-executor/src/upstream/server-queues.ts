import type { Bus, Consumption, Delivery } from '@countersign/bus'
import { executorConsumer, type ServerEntry } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

/**
 * One durable consumer a tool server, with as many messages in hand as the server takes at once: a slow server queues on itself
 * and nobody else.
 */
export class ServerQueues {
  readonly #bus: Bus
  readonly #log: Logger
  readonly #handler: (delivery: Delivery) => Promise<void>
  readonly #ackWaitMs: number
  readonly #queues = new Map<string, { concurrency: number; consumption: Promise<Consumption> }>()

  /** @param ackWaitMs an executor that died is noticed after this long; a call in hand is kept alive well within it */
  constructor(bus: Bus, log: Logger, handler: (delivery: Delivery) => Promise<void>, ackWaitMs = 15_000) {
    this.#ackWaitMs = ackWaitMs
    this.#bus = bus
    this.#log = log
    this.#handler = handler
  }

  /** Takes a change of the registry. The queue of a server that went away stays, so that its last calls are ended. */
  apply(name: string, entry: ServerEntry | undefined): void {
    const queue = this.#queues.get(name)
    if (!entry || queue?.concurrency === entry.limits.concurrency) return
    const { concurrency } = entry.limits
    const consumption = this.#consume(name, concurrency, queue?.consumption)
    this.#queues.set(name, { concurrency, consumption })
    consumption.catch((error: unknown) => {
      this.#log.error({ err: error, server: name }, 'the queue of a server could not be opened; trying again')
      this.#queues.delete(name)
      setTimeout(() => this.apply(name, entry), 1000).unref()
    })
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map(async ({ consumption }) => (await consumption).stop()))
  }

  async #consume(
    server: string,
    concurrency: number,
    previous: Promise<Consumption> | undefined,
  ): Promise<Consumption> {
    await (await previous)?.stop()
    const consumer = executorConsumer(server)
    await this.#bus.ensureConsumer(consumer, { maxAckPending: concurrency, ackWaitMs: this.#ackWaitMs })
    return this.#bus.consume({
      stream: consumer.stream,
      consumer: consumer.name,
      handler: this.#handler,
      maxInFlight: concurrency,
      ackWaitMs: this.#ackWaitMs,
      onProblem: ({ what, error, delivery }) =>
        this.#log[what === 'terminated' ? 'error' : 'warn'](
          { what, err: error, subject: delivery?.subject },
          'a call could not be handled',
        ),
    })
  }
}
