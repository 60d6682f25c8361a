import {
  canonicalJson,
  CountersignError,
  type JsonObject,
  maxInlineBytes,
  type PayloadRef,
  payloadStore,
  sha256,
} from '@countersign/contracts'
import type { JetStreamClient, JetStreamManager, NextMsgRequest, SeqMsgRequest } from '@nats-io/jetstream'
import { type ObjectInfo, Objm, type ObjectStore } from '@nats-io/obj'
import { ContentLost, fromStore, payloadsFull, storeUnavailable } from './errors.ts'
import { readStream } from './read-stream.ts'
import { roomFor } from './room.ts'

/** Content as an event carries it: inside it, or by reference. */
export type Carried = { inline: JsonObject } | { stored: PayloadRef }

/** Content that was stored so long ago is stored again: it is to be there for as long as if it were new. */
const anewAfterMs = 3600 * 1000
/** Read at once, at most. */
const readBytes = 8 * 1024 * 1024
/** What lacks chunks so long after it was stored is not being stored anew. */
const wholeAfterMs = 60_000

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
   * @throws ContentLost when it is gone or is not what its digest says; CountersignError `store_unavailable`
   */
  async fetch(carried: Carried): Promise<JsonObject> {
    if ('inline' in carried) return carried.inline
    return JSON.parse((await this.read(carried.stored)).toString()) as JsonObject
  }

  /**
   * Reads stored content: the RFC 8785 form of a JSON object, as whoever stored it wrote it.
   *
   * @param maxBytes more is not read
   * @throws ContentLost when it will not be had any more; CountersignError `store_unavailable`
   */
  async read({ ref, digest }: PayloadRef, maxBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const store = await this.#open()
    const info = await fromStore(store.info(ref))
    if (!info || info.deleted) throw new ContentLost(ref, 'is gone')
    if (info.size > maxBytes) throw new ContentLost(ref, `has ${info.size} bytes, more than ${maxBytes}`)
    const bytes = await this.#whole(store, ref, info)
    if (sha256(bytes) !== digest) throw new ContentLost(ref, 'is not what its digest says')
    return bytes
  }

  /** All of an object. Whoever stores it anew replaces its chunks: until that is done, what was told of them is not there. */
  async #whole(store: ObjectStore, ref: string, info: ObjectInfo): Promise<Buffer> {
    const bytes = await fromStore(this.#read(info))
    if (bytes.length === info.size) return bytes
    const now = await fromStore(store.info(ref))
    const isSettled = now?.nuid === info.nuid && Date.now() - Date.parse(info.mtime) > wholeAfterMs
    if (!isSettled) {
      throw storeUnavailable(`the stored content ${ref} is not whole just now: it is being stored anew; ask again`)
    }
    // Any server of a cluster answered, and may be behind: what the one that leads them lacks is not there any more.
    const led = await fromStore(this.#readFromLeader(info))
    if (led.length !== info.size) throw new ContentLost(ref, 'has lost a part')
    return led
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

  async #readFromLeader({ nuid, chunks }: ObjectInfo): Promise<Buffer> {
    const { name } = payloadStore
    const read: Uint8Array[] = []
    for (let seq = 1; read.length < chunks;) {
      const next: SeqMsgRequest & NextMsgRequest = { seq, next_by_subj: `$O.${name}.C.${nuid}` }
      const message = await this.#jsm.streams.getMessage(`OBJ_${name}`, next)
      if (!message) break
      read.push(message.data)
      seq = message.seq + 1
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
