import { MalformedEvent } from '@countersign/contracts'
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { type Delivery, deliveryOf, statusOf } from './delivery.ts'
import { Terminal } from './errors.ts'

export interface ConsumeOptions {
  stream: string
  consumer: string
  /** Return = ack, `Terminal` or `MalformedEvent` = term, anything else = nak with backoff. */
  handler: (delivery: Delivery) => Promise<void>
  /** Told of everything that was not acknowledged at once, and of a consumer that cannot be read. */
  onProblem: (problem: { what: 'terminated' | 'redelivery' | 'consumer'; error: unknown; delivery?: Delivery }) => void
  /**
   * Makes the consumer if it is not there: it may be taken away, and with its stream it is lost with the disk. Called at most once a second
   * while asking anew does not help. Without it a lost consumer is waited for.
   */
  ensure?: () => Promise<void>
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
/** How long the server keeps a request open. */
const requestMs = 30_000
const retryMs = 500
const ensureAgainMs = 1000
/**
 * What was on its way when a subscription ended has arrived within a round trip; without a connection nothing does. On a cluster the consumer
 * may be led by another server, which hears of it a little later: what it sends in between is handed out again after the ack wait.
 */
const drainMs = 2000

export const backoffMs = [100, 500, 2000, 5000, 15_000]

/** Handles the messages of a durable consumer, several at once, until stopped. With `consumeBatches` the only place that acknowledges. */
export function consume(nc: NatsConnection, inboxPrefix: string, options: ConsumeOptions): Consumption {
  const { stream, consumer, maxInFlight, onProblem } = options
  const inHand = new Set<Msg>()
  let stopped = false
  let idle: PromiseWithResolvers<void> | undefined

  const answer = (message: Msg, text: string) => {
    // Without a connection, or with one that takes no more, the server hands it out again after the ack wait.
    if (!nc.isClosed() && !nc.isDraining()) message.respond(text)
  }
  const handle = async (message: Msg) => {
    const delivery = deliveryOf(message)
    inHand.add(message)
    try {
      await options.handler(delivery)
      answer(message, '+ACK')
    } catch (error) {
      if (error instanceof Terminal || error instanceof MalformedEvent) {
        onProblem({ what: 'terminated', error, delivery })
        answer(message, `+TERM ${error.message.slice(0, 200)}`)
      } else {
        onProblem({ what: 'redelivery', error, delivery })
        const delay = backoffMs[Math.min(delivery.deliveries - 1, backoffMs.length - 1)]! * 1e6
        answer(message, `-NAK ${JSON.stringify({ delay })}`)
      }
    } finally {
      inHand.delete(message)
      if (inHand.size === 0) idle?.resolve()
      requests.fill()
    }
  }
  const requests = new Requests(nc, inboxPrefix, {
    subject: `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    wanted: () => (stopped ? 0 : maxInFlight - inHand.size),
    threshold: Math.ceil(maxInFlight / 4),
    onMessage: (message) => void handle(message),
    onProblem: (problem, cause) =>
      onProblem({ what: 'consumer', error: new Error(`${stream}/${consumer} ${problem}`, { cause }) }),
    ensure: options.ensure,
  })
  // A call may take long: tell the server that it is still being worked on, so that nobody else is given it.
  const working = setInterval(() => {
    for (const message of inHand) answer(message, '+WPI')
  }, options.ackWaitMs / 3).unref()

  return {
    async stop() {
      stopped = true
      await requests.end()
      if (inHand.size > 0) {
        idle = Promise.withResolvers()
        await idle.promise
      }
      clearInterval(working)
    },
  }
}

interface RequestOptions {
  subject: string
  /** How many messages may come, with those that were asked for. */
  wanted: () => number
  /** More are asked for when so many are missing. */
  threshold: number
  onMessage: (message: Msg) => void
  /** Told once of what keeps messages from coming, until some do. */
  onProblem: (problem: string, cause?: unknown) => void
  ensure: ConsumeOptions['ensure']
}

/**
 * Requests for messages that lie with the server, so that it sends some as soon as it has them. The client library's own consume drops
 * what is on its way when it stops, and the server hands that out again only after the ack wait: a call in the midst of an upgrade waited for it.
 */
class Requests {
  readonly #nc: NatsConnection
  readonly #inboxPrefix: string
  readonly #options: RequestOptions
  /** A new one for each beginning: what comes of earlier requests is handled, and not counted. Empty while nothing is asked for. */
  #inbox = ''
  #asked = 0
  #heardAt = 0
  #told: string | undefined
  #ensuring: Promise<void> | undefined
  #ensureAfter = 0
  #ensureTold: string | undefined
  #away = false
  #ended = false
  #end: () => Promise<void> = async () => {}
  #retry: NodeJS.Timeout | undefined
  readonly #watch: NodeJS.Timeout

  constructor(nc: NatsConnection, inboxPrefix: string, options: RequestOptions) {
    this.#nc = nc
    this.#inboxPrefix = inboxPrefix
    this.#options = options
    this.#watch = setInterval(() => {
      const silent = this.#asked > 0 && performance.now() - this.#heardAt > 2 * heartbeatMs
      if (silent && !this.#away) this.#begin()
    }, heartbeatMs).unref()
    void this.#followConnection()
    this.#begin()
  }

  /** Asks for what is missing, unless it is little. */
  fill(): void {
    const missing = this.#options.wanted() - this.#asked
    if (this.#inbox === '' || this.#ended || this.#nc.isClosed() || this.#nc.isDraining() || missing <= 0) return
    if (this.#asked === 0) this.#heardAt = performance.now()
    else if (missing < this.#options.threshold) return
    this.#asked += missing
    const request = { batch: missing, expires: requestMs * 1e6, idle_heartbeat: heartbeatMs * 1e6 }
    this.#nc.publish(this.#options.subject, JSON.stringify(request), { reply: this.#inbox })
  }

  /** Asks no more; resolves when all that was on its way is here. */
  async end(): Promise<void> {
    this.#ended = true
    clearInterval(this.#watch)
    clearTimeout(this.#retry)
    // What is made late would undo what comes after this consumption.
    await Promise.all([this.#end(), this.#ensuring])
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (this.#ended) return
      if (type === 'disconnect') this.#away = true
      if (type !== 'reconnect') continue
      this.#away = false
      this.#begin()
    }
  }

  /** Asks anew, as if nothing had been asked for. */
  #begin(): void {
    if (this.#ended || this.#nc.isClosed()) return
    clearTimeout(this.#retry)
    void this.#end()
    const inbox = createInbox(this.#inboxPrefix)
    const subscription = this.#nc.subscribe(inbox, {
      callback: (error, message) => this.#received(inbox, error, message),
    })
    this.#end = () => Promise.race([subscription.drain().catch(() => {}), pause(drainMs)])
    this.#inbox = inbox
    this.#asked = 0
    this.fill()
  }

  #received(inbox: string, error: Error | null, message: Msg): void {
    if (error) return this.#failed(inbox, error.message)
    const status = statusOf(message)
    if (status === undefined) {
      if (inbox === this.#inbox) this.#heard(1)
      this.#options.onMessage(message)
      this.fill()
    } else if (inbox !== this.#inbox) return
    else if (status === 100) this.#heard(0)
    else if (status === 408) {
      // A request that lay there for its time: what it did not bring is asked for again.
      this.#heard(Number(message.headers!.get('Nats-Pending-Messages')))
      this.fill()
    } else this.#failed(inbox, `${message.headers!.description || 'refused'} (${status})`)
  }

  #heard(came: number): void {
    this.#heardAt = performance.now()
    this.#told = undefined
    this.#asked = Math.max(0, this.#asked - came)
  }

  #failed(inbox: string, problem: string): void {
    if (inbox !== this.#inbox || this.#ended) return
    // Once is a server that stops, or another one that leads the consumer.
    if (this.#told !== undefined) this.#ensure()
    if (problem !== this.#told) this.#options.onProblem(`cannot be read: ${problem}`)
    this.#told = problem
    // Nothing of this beginning counts any more.
    this.#inbox = ''
    this.#retry = setTimeout(() => this.#begin(), retryMs).unref()
  }

  /** Beside asking anew, which is not to wait for a server that does not answer this. */
  #ensure(): void {
    const { ensure, onProblem } = this.#options
    if (!ensure || performance.now() < this.#ensureAfter) return
    this.#ensureAfter = Infinity
    this.#ensuring = ensure()
      .then(
        () => (this.#ensureTold = undefined),
        (error: unknown) => {
          const problem = error instanceof Error ? error.message : String(error)
          if (problem !== this.#ensureTold) onProblem(`cannot be made: ${problem}`, error)
          this.#ensureTold = problem
        },
      )
      .then(() => void (this.#ensureAfter = performance.now() + ensureAgainMs))
  }
}

/** Resolves after a while. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
