import {
  type ActivityEventData,
  type ActivityEventName,
  eventContentType,
  makeActivityEvent,
  subjects,
} from '@countersign/contracts'
import { type Bus, encode } from './bus.ts'
import type { Publication } from './publisher.ts'

/** An event that could not be stored: it is tried again, or given up. */
export interface ActivityProblem {
  subject: string
  error: unknown
  givenUp: boolean
}

/** Events waiting to be stored; beyond that new ones are given up. */
const maxWaiting = 10_000
const attemptMs = 10_000
/** For what waits when the service stops. */
const lastAttemptMs = 2000
const pauseMs = 1000

/**
 * Stores what a service did, in order and without keeping the service waiting. While the store is away events wait, 10,000 at most,
 * and are tried again until they are stored; what waits when the process is killed is lost.
 */
export class ActivityLog {
  readonly #bus: Pick<Bus, 'store'>
  readonly #onProblem: (problem: ActivityProblem) => void
  readonly #closing = Promise.withResolvers<void>()
  #closed = false
  /** The last attempt failed: nobody waits for the others. */
  #givenUp = false
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(bus: Pick<Bus, 'store'>, onProblem: (problem: ActivityProblem) => void) {
    this.#bus = bus
    this.#onProblem = onProblem
  }

  /** Records an activity; resolves to whether it was stored. */
  record<N extends ActivityEventName>(name: N, data: ActivityEventData<N>): Promise<boolean> {
    const event = makeActivityEvent(name, data, { now: new Date() })
    return this.store({
      subject: subjects.activity(data.tenant, name),
      data: encode(event),
      msgId: event.id,
      contentType: eventContentType,
    })
  }

  /** Stores an event of any kind, after those before it; resolves to whether it was stored. */
  store(publication: Publication): Promise<boolean> {
    if (this.#waiting >= maxWaiting) {
      const error = new Error(`${maxWaiting} events wait to be stored`)
      this.#onProblem({ subject: publication.subject, error, givenUp: true })
      return Promise.resolve(false)
    }
    this.#waiting += 1
    const stored = this.#last.then(() => this.#untilStored(publication)).finally(() => (this.#waiting -= 1))
    this.#last = stored
    return stored
  }

  /** Tries once more to store what waits; resolves when all of it is stored or given up. */
  async close(): Promise<void> {
    this.#closed = true
    this.#closing.resolve()
    await this.#last
  }

  async #untilStored(publication: Publication): Promise<boolean> {
    const { subject } = publication
    for (;;) {
      const last = this.#closed
      try {
        if (this.#givenUp) throw new Error('the store is away, and the service stops')
        await this.#bus.store(publication, Date.now() + (last ? lastAttemptMs : attemptMs))
        return true
      } catch (error) {
        this.#givenUp = last
        this.#onProblem({ subject, error, givenUp: last })
        if (last) return false
        await Promise.race([this.#closing.promise, new Promise((resolve) => setTimeout(resolve, pauseMs).unref())])
      }
    }
  }
}
