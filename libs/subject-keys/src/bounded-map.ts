/**
 * A map that forgets what was not used for long when it is full. It has two halves: what is used is in the younger one, and when that is full
 * it becomes the older one, whose entries go unless they are used. So what is used again and again costs one look.
 */
export class BoundedMap<K, V> {
  #younger = new Map<K, V>()
  #older = new Map<K, V>()
  readonly #half: number

  /** @param max entries at most */
  constructor(max: number) {
    this.#half = Math.ceil(max / 2)
  }

  get(key: K): V | undefined {
    const value = this.#younger.get(key)
    if (value !== undefined) return value
    const older = this.#older.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): void {
    this.#younger.set(key, value)
    if (this.#younger.size < this.#half) return
    this.#older = this.#younger
    this.#younger = new Map()
  }

  clear(): void {
    this.#younger.clear()
    this.#older.clear()
  }
}
