import {
  canonicalJson,
  CountersignError,
  type JsonObject,
  maxInlineBytes,
  type PayloadRef,
  payloadStore,
  sha256,
} from '@countersign/contracts'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import { type ObjectInfo, Objm, type ObjectStore } from '@nats-io/obj'
import { fromStore, payloadsFull, storeUnavailable } from './errors.ts'
import { readStream } from './read-stream.ts'
import { roomFor } from './room.ts'

/** Content as an event carries it: inside it, or by reference. */
export type Carried = { inline: JsonObject } | { stored: PayloadRef }

/** Content that was stored so long ago is stored again: it is to be there for as long as if it were new. */
const anewAfterMs = 3600 * 1000
/** Read at once, at most. */
const readBytes = 8 * 1024 * 1024

/**
 * The object store for content too large for an event. Objects are named by their digest. Storing one again replaces the chunks that somebody
 * may be reading, so what is there is left alone.
 */
export class Payloads {
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  #store: Promise<ObjectStore> | undefined

  constructor(js: JetStreamClient, jsm: JetStreamManager) {
    this.#js = js
    this.#jsm = jsm
  }

  /**
   * Puts content where it belongs by its size.
   *
   * @param begins with arguments: a new call leaves room for what those that run come to
   * @throws CountersignError `store_full`, `store_unavailable`
   */
  async carry(content: JsonObject, begins = false): Promise<{ carried: Carried; digest: string }> {
    const text = canonicalJson(content)
    const digest = sha256(text)
    // A UTF-16 unit takes three bytes at most: only what may be too large is encoded to be measured.
    if (text.length * 3 <= maxInlineBytes || Buffer.byteLength(text) <= maxInlineBytes)
      return { carried: { inline: content }, digest }
    const bytes = new TextEncoder().encode(text)
    const store = await this.#open()
    const there = await fromStore(store.info(digest))
    const isFresh = there && !there.deleted && Date.now() - Date.parse(there.mtime) < anewAfterMs
    if (!isFresh) await this.#put(store, digest, bytes, begins ? roomFor('requested') : 1)
    return { carried: { stored: { ref: digest, digest, size: bytes.length } }, digest }
  }

  /**
   * Fetches content back.
   *
   * @throws Error when it is gone or is not what its digest says; CountersignError `store_unavailable`
   */
  async fetch(carried: Carried): Promise<JsonObject> {
    if ('inline' in carried) return carried.inline
    const { ref, digest } = carried.stored
    const store = await this.#open()
    const info = await fromStore(store.info(ref))
    if (!info || info.deleted) throw new Error(`the stored content ${ref} is gone`)
    const bytes = await fromStore(this.#read(info))
    if (bytes.length !== info.size) {
      throw storeUnavailable(`the stored content ${ref} is not whole just now: it is being stored anew; ask again`)
    }
    if (sha256(bytes) !== digest) throw new Error(`the stored content ${ref} is not what its digest says`)
    return JSON.parse(bytes.toString()) as JsonObject
  }

  async #put(store: ObjectStore, name: string, bytes: Uint8Array, share: number): Promise<void> {
    const { config, state } = (await fromStore(store.status())).streamInfo
    // Asked before anything is sent: of what does not fit the first chunks would be stored.
    if (config.max_bytes > 0 && state.bytes + bytes.length > config.max_bytes * share) throw payloadsFull()
    await fromStore(store.putBlob({ name }, bytes)).catch((error: unknown) => {
      // Somebody else took the space meanwhile.
      throw error instanceof CountersignError && error.code === 'store_full' ? payloadsFull() : error
    })
  }

  /** The chunks that are there. The client's own reading waits for ever for those that were replaced meanwhile. */
  async #read({ nuid, chunks }: ObjectInfo): Promise<Buffer> {
    const { name } = payloadStore
    const read: Uint8Array[] = []
    for (let from = 1; read.length < chunks;) {
      const limits = { maxMessages: chunks - read.length, maxBytes: readBytes }
      const part = await readStream(this.#jsm, `OBJ_${name}`, from, limits, `$O.${name}.C.${nuid}`)
      if (part.length === 0) break
      read.push(...part.map(({ data }) => data))
      from = part.at(-1)!.seq + 1
    }
    return Buffer.concat(read)
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= fromStore(new Objm(this.#js).open(payloadStore.name)).catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }
}
