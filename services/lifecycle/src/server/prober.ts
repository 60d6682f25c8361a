import type { Upstream } from '@countersign/mcp'
import type { ProbePace } from './probe-pace.ts'
import { probe, type ProbeOutcome, type ProbeTarget } from './probe.ts'

const firstRetryMs = 50
const lastRetryMs = 1000
/** How long a server that does not answer yet is asked again quickly. */
const startupMs = 30_000
/** A server that says again and again that its tools changed is believed so often. */
const newsEveryMs = 500

export interface ProberOptions {
  target: ProbeTarget
  pace: ProbePace
  /** @param starting true while not answering is still what a starting server does */
  onOutcome: (outcome: ProbeOutcome, starting: boolean) => void
}

/** Probes one running server: quickly until it answers, then as the pace says and whenever it says that its tools changed. */
export class Prober {
  readonly #options: ProberOptions
  readonly #startedAt = performance.now()
  #retryMs = firstRetryMs
  #timer: NodeJS.Timeout | undefined
  #listening: Upstream | undefined
  #probedAt = Number.NEGATIVE_INFINITY
  /** When its turn is. It keeps that when it is probed in between: who talks much takes no turn from others. */
  #dueAt = Number.NEGATIVE_INFINITY
  #state: 'idle' | 'probing' | 'probing, again' | 'stopped' = 'idle'

  constructor(options: ProberOptions) {
    this.#options = options
    void this.#run()
  }

  stop(): void {
    this.#state = 'stopped'
    clearTimeout(this.#timer)
    void this.#listening?.close()
  }

  async #run(): Promise<void> {
    if (this.#stopped()) return
    this.#state = 'probing'
    this.#probedAt = performance.now()
    const outcome = await probe(
      this.#options.target,
      this.#listening ? undefined : (upstream) => this.#listen(upstream),
    )
    // It may have been stopped while the probe was under way.
    if (this.#stopped()) return
    const starting = this.#listening === undefined && performance.now() - this.#startedAt < startupMs
    this.#options.onOutcome(outcome, starting)
    const again = (this.#state as string) === 'probing, again'
    this.#state = 'idle'
    if (again) return this.#hear()
    if (outcome.kind === 'verified' || !starting) return this.#await()
    this.#runIn(this.#retryMs)
    this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 1.5)
  }

  #await(): void {
    if (this.#dueAt <= performance.now()) this.#dueAt = this.#options.pace.next()
    this.#runIn(this.#dueAt - performance.now())
  }

  #runIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, ms))
  }

  /** It says that its tools changed. */
  #hear(): void {
    if (this.#state === 'probing') this.#state = 'probing, again'
    else if (this.#state === 'idle') this.#runIn(this.#probedAt + newsEveryMs - performance.now())
  }

  #stopped(): boolean {
    return this.#state === 'stopped'
  }

  #listen(upstream: Upstream): void {
    if (this.#stopped()) return void upstream.close()
    this.#listening = upstream
    upstream.onToolsChanged(() => this.#hear())
  }
}
