import { type Bus, encode, LostRace } from '@countersign/bus'
import { eventContentType, type PoliciesInForce, subjects } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import type { KeptPolicies } from './keep-policies.ts'

const attemptMs = 5000
const pauseMs = 1000

/**
 * Records what is kept with the policies as not recorded, each at least once: also when the process that made a change was killed, or
 * several replicas find it at the same time. One that was stored is not stored again while the newest of its subject is among what is
 * kept, and after that within the time in which the stream knows its id.
 */
export class ChangeRecorder {
  readonly #bus: Pick<Bus, 'store' | 'lastStored'>
  readonly #kept: KeptPolicies
  readonly #log: Logger
  #running: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(bus: Pick<Bus, 'store' | 'lastStored'>, kept: KeptPolicies, log: Logger) {
    this.#bus = bus
    this.#kept = kept
    this.#log = log
  }

  /** Records what is there; what cannot be is tried again until it can. */
  wake(): void {
    clearTimeout(this.#timer)
    this.#running = this.#running
      .then(() => this.recordAll())
      .catch((error: unknown) => {
        if (this.#stopped) return
        this.#log.warn({ err: error }, 'a change of policies could not be recorded yet; it is tried again')
        this.#timer = setTimeout(() => this.wake(), pauseMs)
      })
  }

  /** Resolves when nothing is being recorded; what is left is recorded by another replica, or after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** @throws Error when the store does not take one */
  async recordAll(): Promise<void> {
    const { unrecorded } = await this.#kept.read()
    if (unrecorded.length === 0) return
    for (const place of unrecorded.keys()) await this.#record(unrecorded.slice(place))
    const done = new Set(unrecorded.map(({ event }) => event['id']))
    await this.#kept.change((policies) => ({
      ...policies,
      unrecorded: policies.unrecorded.filter(({ event }) => !done.has(event['id'])),
    }))
  }

  /** Records the first of some, unless it was: they are stored in this order, so it was when the newest stored is any of them. */
  async #record(activities: PoliciesInForce['unrecorded']): Promise<void> {
    const { tenant, name, event } = activities[0]!
    const ids = new Set(activities.map(({ event: { id } }) => String(id)))
    const subject = subjects.activity(tenant, name)
    const msgId = String(event['id'])
    for (;;) {
      const last = await this.#bus.lastStored('LIFECYCLE', subject)
      if (last && ids.has(last.msgId)) return
      // Another replica may be about to do the same.
      const expect = { filter: subject, seq: last?.seq ?? 0 }
      const publication = { subject, data: encode(event), msgId, contentType: eventContentType, expect }
      try {
        await this.#bus.store(publication, Date.now() + attemptMs)
        return
      } catch (error) {
        if (!(error instanceof LostRace)) throw error
      }
    }
  }
}
