import { ActivityLog, type Bus, encode } from '@countersign/bus'
import { LifecycleEvent, subjects } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

/** Records what was done to servers, in order. */
export class EventLog {
  readonly #activities: ActivityLog
  readonly #log: Logger

  constructor(bus: Pick<Bus, 'store'>, log: Logger) {
    this.#log = log
    this.#activities = new ActivityLog(bus, ({ subject, error, givenUp }) => {
      if (givenUp) log.error({ subject, err: error }, 'an event could not be stored; it is only logged')
      else log.warn({ subject, err: error }, 'an event cannot be stored yet; it is tried again')
    })
  }

  record(event: Omit<LifecycleEvent, 'at' | 'by'> & { by?: string }): void {
    const whole: LifecycleEvent = { by: 'lifecycle', ...event, at: new Date().toISOString() }
    const { changes: _changes, ...short } = whole
    this.#log.info(short, 'server event')
    void this.#activities.store({
      subject: subjects.lifecycleEvent(whole.tenant, whole.server, whole.event),
      data: encode(whole),
      msgId: crypto.randomUUID(),
      contentType: 'application/json',
    })
  }

  /** Resolves when every event so far is stored or given up. */
  close(): Promise<void> {
    return this.#activities.close()
  }
}
