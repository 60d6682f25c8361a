import { randomUUID } from 'node:crypto'

/** The clients' sessions; when there are too many, the one not used for longest ends. */
export class Sessions {
  readonly #max: number
  readonly #onEnded: (session: string) => void
  readonly #used = new Set<string>()

  constructor(max: number, onEnded: (session: string) => void) {
    this.#max = max
    this.#onEnded = onEnded
  }

  open(): string {
    for (const oldest of this.#used) {
      if (this.#used.size < this.#max) break
      this.end(oldest)
    }
    const session = randomUUID()
    this.#used.add(session)
    return session
  }

  /** True for a session that is open; it counts as used now. */
  use(session: string): boolean {
    if (!this.#used.delete(session)) return false
    this.#used.add(session)
    return true
  }

  end(session: string): boolean {
    const known = this.#used.delete(session)
    if (known) this.#onEnded(session)
    return known
  }
}
