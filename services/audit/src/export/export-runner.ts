import { setTimeout as sleep } from 'node:timers/promises'
import { type ExportTrouble, type ExportView, matchTarget } from '@countersign/contracts'
import { waitAfter } from './backoff.ts'
import { batchesAtOnce } from './driver.ts'
import { Slots } from './slots.ts'
import { type ExportOptions, TenantExport } from './tenant-export.ts'
import { failing, instant, type Trouble } from './trouble.ts'

/** How long a runner sleeps that nobody wakes. */
const idleMs = 5000
/** Stands in place of a tenant, which cannot have this name: with `sending` while an export finds out where it begins, without when it has. */
const begun = '_begun'

/** One export: a sender for each tenant that it is about. They share the target, and nothing that one tenant's records could spoil. */
export class ExportRunner {
  readonly #options: ExportOptions
  readonly #covers: (tenant: string) => boolean
  readonly #stopping = new AbortController()
  readonly #slots = new Slots(batchesAtOnce)
  readonly #senders = new Map<string, TenantExport>()
  #wake = Promise.withResolvers<void>()
  #running: Promise<void> = Promise.resolve()
  /** Why it cannot begin, for no tenant. */
  #trouble: Trouble | undefined

  constructor(options: ExportOptions) {
    this.#options = options
    this.#covers = matchTarget(options.document.spec.match.tenants)
  }

  get name(): string {
    return this.#options.document.metadata.name
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.wake()
    await this.#running
    await Promise.all(this.#senders.values().map((sender) => sender.ended()))
    this.#options.driver.close()
  }

  /** Told that there may be something to do. */
  wake(): void {
    this.#wake.resolve()
  }

  /** What sends a tenant's records; undefined for one whose records it does not send. */
  sender(tenant: string): Pick<TenantExport, 'letters' | 'retry' | 'discard'> | undefined {
    return this.#covers(tenant) ? this.#senderOf(tenant) : undefined
  }

  /** How it stands with a tenant; undefined for one whose records it does not send. */
  view(tenant: string): ExportView | undefined {
    if (!this.#covers(tenant)) return undefined
    const view = this.#senderOf(tenant).view()
    if (!this.#trouble) return view
    const { state, problem, remedy, since } = this.#trouble
    return { ...view, state, problem, remedy, since: instant(since) }
  }

  /** Tenants whose records do not get on, and why. */
  get troubles(): ExportTrouble[] {
    return this.#tenants().flatMap((tenant) => {
      const { name, state, lagRecords, problem, since, remedy } = this.view(tenant)!
      if (state !== 'failing' && state !== 'blocked') return []
      return [{ name, tenant, state, lagRecords, problem: problem!, since: since!, remedy: remedy! }]
    })
  }

  /** Records not sent yet and dead letters, of all tenants. */
  get totals(): { lagRecords: number; lagSeconds: number; dead: number } {
    const views = this.#tenants().map((tenant) => this.#senderOf(tenant).view())
    return {
      lagRecords: views.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      lagSeconds: Math.max(0, ...views.map(({ lagSeconds }) => lagSeconds)),
      dead: views.reduce((sum, { dead }) => sum + dead, 0),
    }
  }

  #tenants(): string[] {
    return this.#options.log.tenants.filter(this.#covers)
  }

  #senderOf(tenant: string): TenantExport {
    const known = this.#senders.get(tenant)
    if (known) return known
    const sender = new TenantExport(tenant, this.#options, this.#slots, this.#stopping.signal)
    this.#senders.set(tenant, sender)
    return sender
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    await this.#untilBegun()
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers()
      for (const tenant of this.#tenants()) {
        const sender = this.#senderOf(tenant)
        sender.start()
        sender.wake()
      }
      const woken = new AbortController()
      await Promise.race([this.#wake.promise, sleep(idleMs, undefined, { signal: woken.signal }).catch(() => {})])
      woken.abort()
    }
  }

  async #untilBegun(): Promise<void> {
    const { backoff, random, now, onCount } = this.#options
    const { signal } = this.#stopping
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#begin()
        this.#trouble = undefined
        return
      } catch (error) {
        onCount('failed', 1)
        this.#trouble = failing(error, this.#trouble?.since ?? now())
        await sleep(waitAfter(error, failures, backoff, random()), undefined, { signal }).catch(() => {})
      }
    }
  }

  /** A new export that wants only what is new begins at the end; what it says of that is kept. */
  async #begin(): Promise<void> {
    const { document, log, state } = this.#options
    const { cursors } = state.of(this.name)
    const mark = cursors.get(begun)
    // Where the bucket was lost there are cursors that were kept since, and no mark: what waits must not be skipped.
    const isNew = mark ? mark.sending !== undefined : cursors.size === 0
    if (document.spec.from !== 'now' || !isNew) return
    await state.keepCursor(this.name, begun, { next: 0, sending: 0 })
    for (const tenant of this.#tenants()) {
      if (!cursors.has(tenant)) await state.keepCursor(this.name, tenant, { next: log.tree(tenant).size })
    }
    await state.keepCursor(this.name, begun, { next: 0 })
  }
}
