import type { KV, KvEntry } from '@nats-io/kv'

/** One change of a bucket; `value` is undefined for a removal. */
export interface BucketChange {
  key: string
  value: Uint8Array | undefined
  revision: number
}

/** A key-value bucket. */
export class Bucket {
  readonly #kv: KV

  constructor(kv: KV) {
    this.#kv = kv
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const entry = await this.#kv.get(key)
    return entry?.operation === 'PUT' ? entry.value : undefined
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#kv.put(key, value)
  }

  async remove(key: string): Promise<void> {
    await this.#kv.delete(key)
  }

  /**
   * Follows the bucket: first what is there, then every change. Resolves when what was there has been handed over.
   *
   * @param onChange called in order, without waiting
   */
  async follow(onChange: (change: BucketChange) => void): Promise<{ stop: () => void }> {
    const caughtUp = Promise.withResolvers<void>()
    const entries = await this.#kv.watch()
    const deliver = async () => {
      let known = false
      for await (const entry of entries) {
        onChange(changeOf(entry))
        if (!known && entry.delta === 0) {
          known = true
          caughtUp.resolve()
        }
      }
    }
    void deliver()
    const { values } = await this.#kv.status()
    if (values === 0) caughtUp.resolve()
    await caughtUp.promise
    return { stop: () => entries.stop() }
  }
}

function changeOf(entry: KvEntry): BucketChange {
  return { key: entry.key, value: entry.operation === 'PUT' ? entry.value : undefined, revision: entry.revision }
}
