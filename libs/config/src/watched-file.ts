import { readFile } from 'node:fs/promises'
import { fileMark } from './file-mark.ts'

/** How a file is watched. */
export interface WatchOptions {
  /** A content is taken for current for this long; default 1000. */
  everyMs?: number
  /** Told once for each reason why the file cannot be used. */
  onProblem?: (problem: string) => void
  /** Milliseconds of a clock that never goes back; it is the process's own unless set. */
  now?: () => number
}

/**
 * A file that is read again when it changes: users, keys. A file that is missing or broken changes nothing; what was read last
 * stays in force, and `problem` says why.
 */
export class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  readonly #options: Required<WatchOptions>
  #content: { value: T } | undefined
  #mark = ''
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  #problem: string | undefined

  /** @param parse makes the value; what it throws is the reason why the file is refused */
  constructor(path: string, parse: (text: string) => T, options: WatchOptions = {}) {
    this.#path = path
    this.#parse = parse
    this.#options = { everyMs: 1000, onProblem: () => {}, now: () => performance.now(), ...options }
  }

  /** Why the file as it is now cannot be used; undefined while it can. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * The newest good content.
   *
   * @param maxAgeMs how old the last look at the file may be
   * @throws Error when the file was never good
   */
  async read(maxAgeMs = this.#options.everyMs): Promise<T> {
    if (this.#options.now() - this.#lookedAt >= maxAgeMs) {
      this.#lookedAt = this.#options.now()
      this.#looking = this.#look()
    }
    await this.#looking
    if (!this.#content) throw new Error(this.#problem)
    return this.#content.value
  }

  async #look(): Promise<void> {
    try {
      const mark = await fileMark(this.#path)
      // Back as it was read last, it is as good as it was then.
      if (mark !== this.#mark) this.#content = { value: this.#parse(await readFile(this.#path, 'utf8')) }
      this.#mark = mark
      this.#problem = undefined
    } catch (error) {
      const problem = `the file ${this.#path} cannot be used: ${(error as Error).message}`
      if (problem !== this.#problem) this.#options.onProblem(problem)
      this.#problem = problem
    }
  }
}
