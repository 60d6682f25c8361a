import { WatchedFile } from '@countersign/config'
import type { AuditRetention } from '@countersign/contracts'
import { readRetention } from './retention-document.ts'

/** What is told of the file as it changes. */
export interface RetentionFileOptions {
  /** Told once for each reason why nothing is erased by time; the reason names the file. */
  onProblem: (problem: string) => void
  /** Told when the file can be used again after that. */
  onMended: () => void
}

const lookEveryMs = 1000
const keepAll: AuditRetention = {
  ...{ apiVersion: 'countersign.dev/v1alpha1', kind: 'AuditRetention', metadata: { name: 'keep-all' } },
  spec: { default: {}, tenants: {} },
}

/**
 * The file that says how long content is kept, looked at every second. While it is missing or broken all content is kept: what is erased does
 * not come back, and whoever broke it may have meant to keep more than it said before.
 */
export class RetentionFile {
  readonly #options: RetentionFileOptions
  readonly #file: WatchedFile<AuditRetention>
  #timer: NodeJS.Timeout | undefined
  #broken = false

  constructor(path: string, options: RetentionFileOptions) {
    this.#options = options
    const onProblem = (problem: string) => options.onProblem(problem)
    this.#file = new WatchedFile(path, readRetention, { everyMs: lookEveryMs, onProblem })
  }

  /** Looks at the file for the first time, and then again and again. */
  async start(): Promise<void> {
    await this.read()
    this.#timer = setInterval(() => void this.read(), lookEveryMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Why all content is kept; undefined while the file says how long. */
  get problem(): string | undefined {
    return this.#broken ? (this.#file.problem ?? 'it was not read yet') : undefined
  }

  /** How long content is kept by the file as it is now: for ever while that is not known. */
  async read(): Promise<AuditRetention> {
    const document = await this.#file.read(0).catch(() => undefined)
    const usable = document !== undefined && this.#file.problem === undefined
    if (usable && this.#broken) this.#options.onMended()
    this.#broken = !usable
    return usable ? document : keepAll
  }
}
