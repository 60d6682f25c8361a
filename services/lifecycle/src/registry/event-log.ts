import { type Bus, encode } from '@countersign/bus'
import { LifecycleEvent, subjects } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

const deadlineMs = 60_000
/** Events waiting to be stored; beyond that new ones are only logged. */
const maxWaiting = 10_000

/** Records what was done to servers, in order. */
export class EventLog {
  readonly #bus: Bus
  readonly #log: Logger
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(bus: Bus, log: Logger) {
    this.#bus = bus
    this.#log = log
  }

  record(event: Omit<LifecycleEvent, 'at' | 'by'> & { by?: string }): void {
    const whole: LifecycleEvent = { by: 'lifecycle', ...event, at: new Date().toISOString() }
    const { changes: _changes, ...short } = whole
    this.#log.info(short, 'server event')
    if (this.#waiting >= maxWaiting) {
      this.#log.error(
        { server: event.server, event: event.event },
        'too many events wait to be stored; this one is only logged',
      )
      return
    }
    this.#waiting += 1
    this.#last = this.#last.then(async () => {
      const publication = {
        subject: subjects.lifecycleEvent(whole.tenant, whole.server, whole.event),
        data: encode(whole),
        msgId: crypto.randomUUID(),
        contentType: 'application/json',
      }
      await this.#bus.store(publication, Date.now() + deadlineMs).catch((error: unknown) => {
        this.#log.error({ server: event.server, event: event.event, err: error }, 'an event could not be stored')
      })
      this.#waiting -= 1
    })
  }

  /** Resolves when every event so far is stored or given up. */
  flushed(): Promise<void> {
    return this.#last
  }
}
