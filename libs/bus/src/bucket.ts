import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream'
import type { BucketName } from '@countersign/contracts'
import type { KV, KvEntry } from '@nats-io/kv'
import { apiErrors, fromStore, LostRace, storeUnavailable } from './errors.ts'

/** One change of a bucket; `value` is undefined for a removal. */
export interface BucketChange {
  key: string
  value: Uint8Array | undefined
  revision: number
}

/** A key-value bucket. */
export class Bucket {
  readonly #kv: KV
  readonly #jsm: JetStreamManager
  readonly #name: BucketName

  constructor(kv: KV, jsm: JetStreamManager, name: BucketName) {
    this.#kv = kv
    this.#jsm = jsm
    this.#name = name
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.read(key)).value
  }

  /** Reads an entry with its revision, which is 0 for one that never was; there is no value where there is none any more. */
  async read(key: string): Promise<{ value: Uint8Array | undefined; revision: number }> {
    const entry = await fromStore(this.#kv.get(key))
    if (entry) return { value: entry.operation === 'PUT' ? entry.value : undefined, revision: entry.revision }
    // It was asked of any server of a cluster, and may have been written a moment ago: then the one that leads them has it.
    const newest = { last_by_subj: `$KV.${this.#name}.${key}` }
    const message = await fromStore(this.#jsm.streams.getMessage(`KV_${this.#name}`, newest))
    if (!message) return { value: undefined, revision: 0 }
    return { value: message.header.has('KV-Operation') ? undefined : message.data, revision: message.seq }
  }

  /**
   * Writes an entry that is still as it was read, by its revision.
   *
   * @returns its revision now
   * @throws LostRace when somebody else wrote it since
   */
  async replace(key: string, value: Uint8Array, revision: number): Promise<number> {
    try {
      return await fromStore(this.#kv.put(key, value, { previousSeq: revision }))
    } catch (error) {
      const code = error instanceof JetStreamApiError ? error.code : 0
      throw apiErrors.wrongLastSequence.has(code) || apiErrors.sequenceInProcess.has(code)
        ? new LostRace((error as Error).message)
        : error
    }
  }

  /** When the bucket was made, which tells it from one made anew, and the revision of the newest change of any entry in it. */
  async standing(): Promise<{ created: string; lastRevision: number }> {
    const { streamInfo } = await fromStore(this.#kv.status())
    return { created: streamInfo.created, lastRevision: streamInfo.state.last_seq }
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await fromStore(this.#kv.put(key, value))
  }

  async remove(key: string): Promise<void> {
    await fromStore(this.#kv.delete(key))
  }

  /**
   * Follows the bucket: first what is there, then every change. Resolves when what was there has been handed over. A bucket that was lost and
   * made anew, or went back to an earlier state, is followed from its beginning again, and what it lacks now counts as removed.
   *
   * @param onChange called in order, without waiting
   */
  async follow(onChange: (change: BucketChange) => void): Promise<{ stop: () => void }> {
    let watched = await this.#watch(onChange)
    let stopped = false
    const look = async () => {
      const { created, lastRevision } = await this.standing()
      if (stopped || (created === watched.created && lastRevision >= watched.newest)) return
      watched.stop()
      // Until it is followed again each look finds it lost.
      watched.created = ''
      const again = await this.#watch(onChange)
      if (stopped) return again.stop()
      for (const key of watched.keys) {
        if (!again.keys.has(key)) onChange({ key, value: undefined, revision: lastRevision })
      }
      watched = again
    }
    let looking: Promise<void> | undefined
    const timer = setInterval(() => {
      // Without the store there is nothing to look at; the next look finds out.
      looking ??= look()
        .catch(() => {})
        .finally(() => (looking = undefined))
    }, lookMs).unref()
    return {
      stop() {
        stopped = true
        clearInterval(timer)
        watched.stop()
      },
    }
  }

  async #watch(onChange: (change: BucketChange) => void): Promise<Watched> {
    // Before: what is made anew in between is noticed.
    const { created } = await this.standing()
    const caughtUp = Promise.withResolvers<void>()
    const entries = await fromStore(this.#kv.watch())
    const watched: Watched = { created, newest: 0, keys: new Set(), stop: () => entries.stop() }
    const deliver = async () => {
      for await (const entry of entries) {
        watched.newest = entry.revision
        watched.keys.add(entry.key)
        onChange(changeOf(entry))
        if (entry.delta === 0) caughtUp.resolve()
      }
    }
    void deliver()
    // One that is lost meanwhile never gets there.
    const late = storeUnavailable(`a bucket could not be read within ${catchUpMs} ms; ask again`)
    const timer = setTimeout(() => caughtUp.reject(late), catchUpMs)
    try {
      const { values } = await fromStore(this.#kv.status())
      if (values === 0) caughtUp.resolve()
      await caughtUp.promise
    } catch (error) {
      watched.stop()
      throw error
    } finally {
      clearTimeout(timer)
    }
    return watched
  }
}

/** How often a bucket that is followed is looked at. */
const lookMs = 5000
/** How long it may take to hand over what is in a bucket: tens of thousands of entries take seconds. */
const catchUpMs = 60_000

/** A bucket as it is being watched. */
interface Watched {
  /** When it was made. */
  created: string
  /** The newest revision that was handed over. */
  newest: number
  keys: Set<string>
  stop: () => void
}

function changeOf(entry: KvEntry): BucketChange {
  return { key: entry.key, value: entry.operation === 'PUT' ? entry.value : undefined, revision: entry.revision }
}
