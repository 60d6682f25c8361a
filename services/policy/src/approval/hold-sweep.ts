import { decodeEvent, MalformedEvent, parseCallSubject, subjects } from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { settle } from './settle.ts'

/** When held calls are looked at. */
export interface SweepPace {
  /** From the end of one round to the next, in ms. */
  everyMs: number
  /** How long a hold must be over, in ms: its alarm comes first. */
  lateMs: number
}

/** A minute more is nothing to a hold of minutes; ten seconds are more than an alarm takes, and than clocks may differ. */
export const sweepPace: SweepPace = { everyMs: 60_000, lateMs: 10_000 }

/** Calls looked at at once: few, because those that are being decided come first. */
const concurrency = 8
/** What does not wait, or cannot be read, is looked at again after this: a store that was set back may have it waiting anew. */
const anewAfterMs = 3_600_000

/**
 * Ends holds whose time is over and whose alarm did not ring: `TIMERS` was lost or set back, the server could not store the alarm, or it
 * was kept for a policy that came too late (I5). Every replica does it; the compare-and-set lets one of them (I2).
 *
 * Which calls are held is asked each round. When to look at one is remembered, since a hold never ends at another time: of the calls that
 * `CALLS` has, and no others.
 */
export class HoldSweep {
  readonly #context: PolicyContext
  readonly #pace: SweepPace
  /** When to look at a held call, in epoch milliseconds, by the subject of its hold. */
  readonly #lookAt = new Map<string, number>()
  #round: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(context: PolicyContext, pace: SweepPace) {
    this.#context = context
    this.#pace = pace
  }

  /** Begins the first round; the next ones follow, never two at once. */
  start(): void {
    this.#round = this.#sweep().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), this.#pace.everyMs)
    })
  }

  /** Looks at no further call; resolves when those in hand are done. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#round
  }

  async #sweep(): Promise<void> {
    const { log } = this.#context
    const left = (await this.#due()).values()
    const failures: unknown[] = []
    let ended = 0
    const lookOn = async () => {
      for (const subject of left) {
        if (this.#stopped) return
        try {
          if (await this.#look(subject)) ended += 1
        } catch (error) {
          failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: concurrency }, lookOn))
    if (ended > 0) log.warn({ calls: ended }, 'held calls were over and no alarm had ended them; they are ended now')
    if (failures.length > 0)
      log.warn(
        { err: failures[0], calls: failures.length },
        'held calls could not be looked at; the next round tries again',
      )
  }

  /** The subjects of holds that are to be looked at now; none when the store does not say. */
  async #due(): Promise<string[]> {
    const { bus, log } = this.#context
    try {
      const { subjects: held } = await bus.streamInfo('CALLS', subjects.callEvents('held'))
      for (const subject of this.#lookAt.keys()) if (!Object.hasOwn(held, subject)) this.#lookAt.delete(subject)
      const now = this.#now()
      return Object.keys(held).filter((subject) => (this.#lookAt.get(subject) ?? 0) <= now)
    } catch (error) {
      log.warn({ err: error }, 'held calls could not be listed; the next round tries again')
      return []
    }
  }

  /** Looks at one held call; true when that ended its wait. */
  async #look(subject: string): Promise<boolean> {
    const at = parseCallSubject(subject)
    if (!at) return false
    try {
      if (!(await this.#isLate(subject))) return false
      const { ended, waiting } = await settle(this.#context, at)
      if (!waiting) this.#lookAt.set(subject, this.#now() + anewAfterMs)
      return ended
    } catch (error) {
      if (!(error instanceof MalformedEvent)) throw error
      this.#lookAt.set(subject, this.#now() + anewAfterMs)
      this.#context.log.error({ callId: at.callId, err: error }, 'a held call cannot be read, so it cannot be ended')
      return false
    }
  }

  /** Whether a hold is over for long enough; when that is, is read the first time only. */
  async #isLate(subject: string): Promise<boolean> {
    if (!this.#lookAt.has(subject)) {
      const stored = await this.#context.bus.newestOf('CALLS', subject)
      // Removed since it was listed.
      if (!stored) return false
      const { approval } = decodeEvent('held', stored.data).data
      this.#lookAt.set(subject, Date.parse(approval.expiresAt) + this.#pace.lateMs)
    }
    return this.#lookAt.get(subject)! <= this.#now()
  }

  #now(): number {
    return this.#context.now().getTime()
  }
}
