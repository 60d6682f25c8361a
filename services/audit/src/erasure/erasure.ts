import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import {
  type AuditRetention,
  CountersignError,
  type ErasureView,
  type HoldView,
  type Principal,
  type SubjectView,
} from '@countersign/contracts'
import type { HeldCall } from '@countersign/subject-keys'
import { eraseSubject, type ErasureOrder } from './erase-subject.ts'
import { expireContent } from './expire-content.ts'
import { liftHold, placeHold } from './legal-hold.ts'
import type { Personal } from './open-personal.ts'
import { settleDeeds, type SettleOptions } from './settle-deeds.ts'

/** A hold as it is asked for. */
export interface PlaceHold {
  operator: Principal
  subject?: string | null | undefined
  callId?: string | undefined
  reason: string
}

export interface ErasureOptions extends Pick<SettleOptions, 'bus' | 'index'> {
  personal: Personal
  /** Whose a call is, and the months of its keys. */
  callOf: (tenant: string, callId: string, now: Date) => Promise<HeldCall & { subject: string }>
  /** How long content is kept; undefined: for ever. */
  retention: (() => Promise<AuditRetention>) | undefined
  /** How often deeds are settled and keys are wrapped anew, and how often content is looked over. */
  everyMs: { settle: number; expire: number }
  now: () => Date
  onExpired: (keys: number) => void
  onRewrapped: (keys: number) => void
  onProblem: (error: unknown) => void
}

const rewrapAtOnce = 500
/** How long who gave an order waits for more than that it was done. */
const patienceMs = 15_000

/** Erases content, by order and by time, and keeps legal holds. What was done is settled until it is. */
export class Erasure {
  readonly #options: ErasureOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #round: Promise<void> = Promise.resolve()
  #settling: Promise<void> = Promise.resolve()
  #expiredAt = Number.NEGATIVE_INFINITY

  constructor(options: ErasureOptions) {
    this.#options = options
  }

  /** What there is of a subject that could be erased. */
  subject(operator: Principal, subject: string): SubjectView {
    const { keys, holds } = this.#options.personal
    const { tenant } = operator
    return { subject, keys: keys.ofSubject(tenant, subject), hold: holds.over(tenant, subject) ?? null }
  }

  /** @throws CountersignError `legal_hold` */
  async erase(order: ErasureOrder): Promise<ErasureView> {
    const { personal, now } = this.#options
    const erased = eraseSubject(personal, order, now())
    return { ...erased, settled: await this.#settled(erased.id) }
  }

  holds(operator: Principal): HoldView[] {
    return this.#options.personal.holds.list(operator.tenant)
  }

  /**
   * Places a hold over a subject, the whole tenant (null), or one call.
   *
   * @throws CountersignError `invalid_params` for none or two of these, `unknown_call` for a call that is not in the log
   */
  async placeHold({ operator, subject, callId, reason }: PlaceHold): Promise<HoldView> {
    const { personal, now, callOf } = this.#options
    if ((subject === undefined) === (callId === undefined)) {
      throw new CountersignError(
        'invalid_params',
        'a legal hold is over one of these: a subject, the whole tenant (subject null), or a call (callId)',
      )
    }
    const call = callId === undefined ? undefined : await callOf(operator.tenant, callId, now())
    const order = { operator, subject: call?.subject ?? subject ?? null, call, reason }
    const hold = placeHold(personal, order, now())
    void this.#trySettle()
    return hold
  }

  /** @throws CountersignError `not_found` */
  liftHold(order: Parameters<typeof liftHold>[1]): HoldView {
    const { personal, now } = this.#options
    const hold = liftHold(personal, order, now())
    void this.#trySettle()
    return hold
  }

  /**
   * One round of what is done without being asked for. What cannot be done of it keeps nothing else from being done.
   *
   * @throws AggregateError with what could not be done
   */
  async keepUp(): Promise<void> {
    const errors: Error[] = []
    for (const step of [() => this.#settle(), () => this.#rewrap(), () => this.#expire()])
      await step().catch((error: Error) => errors.push(error))
    if (errors.length > 0) throw new AggregateError(errors, errors.map(({ message }) => message).join('; '))
  }

  /** Wraps keys anew, a part at a time: sealing goes on in between. */
  async #rewrap(): Promise<void> {
    const { personal, onRewrapped } = this.#options
    await personal.keks.refresh()
    for (let some = rewrapAtOnce; some === rewrapAtOnce && !this.#stopped;) {
      some = personal.keys.rewrap(rewrapAtOnce)
      if (some > 0) onRewrapped(some)
      await setImmediate()
    }
  }

  async #expire(): Promise<void> {
    const { personal, retention, everyMs, now, onExpired } = this.#options
    if (!retention || now().getTime() - this.#expiredAt < everyMs.expire) return
    const erased = await expireContent(personal, await retention(), now())
    this.#expiredAt = now().getTime()
    if (erased === 0) return
    onExpired(erased)
    await this.#settle()
  }

  start(): void {
    const { everyMs, onProblem } = this.#options
    this.#round = this.keepUp()
      .catch(onProblem)
      .then(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.start(), everyMs.settle)
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#round
    await this.#settling
  }

  /** Settles; one after the other, so that nothing is recorded twice for nothing. */
  #settle(): Promise<void> {
    const { personal, bus, index } = this.#options
    const settled = this.#settling.then(() => settleDeeds({ deeds: personal.deeds, bus, index }))
    this.#settling = settled.catch(() => {})
    return settled
  }

  /** It was done, whatever becomes of this: it is tried again. */
  #trySettle(): Promise<void> {
    return this.#settle().catch(this.#options.onProblem)
  }

  async #settled(id: string): Promise<boolean> {
    await Promise.race([this.#trySettle(), delay(patienceMs, undefined, { ref: false })])
    return !this.#options.personal.deeds.isOpen(id)
  }
}
