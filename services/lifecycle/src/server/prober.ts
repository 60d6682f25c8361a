import type { Upstream } from '@countersign/mcp'
import { probe, type ProbeOutcome, type ProbeTarget } from './probe.ts'

const firstRetryMs = 50
const lastRetryMs = 1000
/** How long a server that does not answer yet is asked again quickly. */
const startupMs = 30_000

export interface ProberOptions {
  target: ProbeTarget
  intervalMs: number
  /** @param starting true while not answering is still what a starting server does */
  onOutcome: (outcome: ProbeOutcome, starting: boolean) => void
}

/** Probes one running server: quickly until it answers, then at intervals and whenever it says that its tools changed. */
export class Prober {
  readonly #options: ProberOptions
  readonly #startedAt = performance.now()
  #retryMs = firstRetryMs
  #timer: NodeJS.Timeout | undefined
  #listening: Upstream | undefined
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
    if (this.#state === 'stopped') return
    if (this.#state !== 'idle') {
      this.#state = 'probing, again'
      return
    }
    clearTimeout(this.#timer)
    this.#state = 'probing'
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
    if (again) return void this.#run()
    const quick = outcome.kind !== 'verified' && starting
    this.#timer = setTimeout(() => void this.#run(), quick ? this.#retryMs : this.#options.intervalMs)
    if (quick) this.#retryMs = Math.min(lastRetryMs, this.#retryMs * 1.5)
  }

  #stopped(): boolean {
    return this.#state === 'stopped'
  }

  #listen(upstream: Upstream): void {
    if (this.#stopped()) return void upstream.close()
    this.#listening = upstream
    upstream.onToolsChanged(() => void this.#run())
  }
}
