import { type DeadLetter, deadOf, type ExportState } from './export-state.ts'

/** Thrown when records would have to be set aside and there is no room for that. */
export class NoRoom extends Error {
  override name = 'NoRoom'
}

/** Records of one tenant that an export's target refused for good, as letters that name them. */
export class DeadLetters {
  readonly #state: ExportState
  readonly #name: string
  readonly #tenant: string
  readonly #max: number
  #changing: Promise<void> = Promise.resolve()

  /** @param max letters that are kept, at most */
  constructor(state: ExportState, name: string, tenant: string, max: number) {
    this.#state = state
    this.#name = name
    this.#tenant = tenant
    this.#max = max
  }

  /** In the order of the log, as far as they were set aside in it. */
  get all(): DeadLetter[] {
    return [...this.#letters.values()]
  }

  get full(): boolean {
    return this.#letters.size >= this.#max
  }

  get #letters(): Map<number, DeadLetter> {
    return deadOf(this.#state.of(this.#name), this.#tenant)
  }

  /** @throws NoRoom when there are as many as are kept */
  async add(letter: DeadLetter): Promise<void> {
    if (this.full && !this.#letters.has(letter.first)) throw new NoRoom()
    await this.#state.addDead(this.#name, this.#tenant, letter)
  }

  /** Forgets letters, and what was put in their place meanwhile. */
  discard(letters: readonly DeadLetter[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const { first, last } of this.all) {
        const meant = letters.some((letter) => letter.first <= first && last <= letter.last)
        if (meant) await this.#state.removeDead(this.#name, this.#tenant, first)
      }
    })
  }

  /**
   * Puts what is still refused in the place of a letter, so that at no moment a record has none; where there is no room for them all,
   * it stays as it is. A letter that somebody discarded meanwhile is not replaced.
   */
  replace(letter: DeadLetter, refused: readonly DeadLetter[]): Promise<void> {
    return this.#inTurn(async () => {
      const letters = this.#letters
      if (letters.get(letter.first) !== letter) return
      const fits = letters.size - 1 + refused.length <= this.#max
      const now = fits ? refused : [{ ...refused[0]!, first: letter.first, last: letter.last }]
      for (const each of now.toReversed()) await this.#state.addDead(this.#name, this.#tenant, each)
      if (now[0]?.first !== letter.first) await this.#state.removeDead(this.#name, this.#tenant, letter.first)
    })
  }

  /** One change of letters that are there after the other. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(change)
    this.#changing = done.catch(() => {})
    return done
  }
}
