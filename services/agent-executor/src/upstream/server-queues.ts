import type { Bus, Consumption, Delivery } from '@countersign/bus'
import { executorConsumer, type ServerEntry, serverOfExecutorConsumer } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

/** Calls at once of a server that is gone: each only has to be ended. */
const orphanConcurrency = 16

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
  #stopped = false

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
    this.#open(name, entry.limits.concurrency)
  }

  #open(name: string, concurrency: number): void {
    // What opens now takes calls that nobody would wait for.
    if (this.#stopped) return
    const consumption = this.#consume(name, concurrency, this.#queues.get(name)?.consumption)
    const queue = { concurrency, consumption }
    this.#queues.set(name, queue)
    consumption.catch((error: unknown) => {
      this.#log.error({ err: error, server: name }, 'the queue of a server could not be opened; trying again')
      // The limit changed meanwhile: the newer queue is on its way.
      if (this.#queues.get(name) !== queue) return
      this.#queues.delete(name)
      setTimeout(() => this.#queues.has(name) || this.#open(name, concurrency), 1000).unref()
    })
  }

  /**
   * Opens the queues of servers that went away while no executor ran: their last calls must be ended too (I5).
   *
   * @param isKnown true for servers of the registry, whose queues are open
   */
  async openOrphans(isKnown: (server: string) => boolean): Promise<void> {
    for (const name of await this.#bus.consumerNames('CALLS')) {
      const server = serverOfExecutorConsumer(name)
      if (server !== undefined && !isKnown(server)) this.#open(server, orphanConcurrency)
    }
  }

  /** Takes no more calls, opens no more queues, and waits for the calls in hand. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.allSettled([...this.#queues.values()].map(async ({ consumption }) => (await consumption).stop()))
  }

  async #consume(
    server: string,
    concurrency: number,
    previous: Promise<Consumption> | undefined,
  ): Promise<Consumption> {
    // One that could not be opened has nothing to stop.
    const before = await previous?.catch(() => undefined)
    await before?.stop()
    const consumer = executorConsumer(server)
    const ensure = () => this.#bus.ensureConsumer(consumer, { maxAckPending: concurrency, ackWaitMs: this.#ackWaitMs })
    await ensure()
    return this.#bus.consume({
      stream: consumer.stream,
      consumer: consumer.name,
      handler: this.#handler,
      maxInFlight: concurrency,
      ackWaitMs: this.#ackWaitMs,
      // The set-up does not know it: whoever makes `CALLS` anew has none of these (I5).
      ensure,
      onProblem: ({ what, error, delivery }) =>
        this.#log[what === 'terminated' ? 'error' : 'warn'](
          { what, err: error, subject: delivery?.subject },
          'a call could not be handled',
        ),
    })
  }
}
