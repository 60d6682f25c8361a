const maxUses = 500

/** Something that is made anew after so many uses: a compiler of schemas never forgets one, and there is no end of schemas. */
export class Renewed<T> {
  readonly #make: () => T
  #current: T | undefined
  #uses = 0

  constructor(make: () => T) {
    this.#make = make
  }

  use(): T {
    if (this.#current === undefined || this.#uses >= maxUses) {
      this.#current = this.#make()
      this.#uses = 0
    }
    this.#uses += 1
    return this.#current
  }
}
