import {
  canonicalJson,
  CountersignError,
  isDigest,
  type JsonObject,
  maxInlineBytes,
  type PayloadRef,
  payloadStore,
  sha256,
} from '@countersign/contracts'
import type { JetStreamClient, JetStreamManager, NextMsgRequest, SeqMsgRequest } from '@nats-io/jetstream'
import { type ObjectInfo, Objm, type ObjectStore } from '@nats-io/obj'
import { z } from 'zod'
import { ContentLost, fromStore, payloadsFull, storeUnavailable } from './errors.ts'
import { readStream } from './read-stream.ts'
import { roomFor } from './room.ts'

/** Content as an event carries it: inside it, or by reference. */
export type Carried = { inline: JsonObject } | { stored: PayloadRef }

/** Content that was stored so long ago is stored again: it is to be there for as long as if it were new. */
const anewAfterMs = 3600 * 1000
/** Read at once, at most. */
const readBytes = 8 * 1024 * 1024
/** What lacks chunks so long after it was stored, or since that was first seen, is not being stored anew. */
const wholeAfterMs = 60_000
/** Objects of which that is remembered. */
const maxIncomplete = 1000
/** Chunks read at once, at most. */
const readChunks = 1000

/** What is relied on of how an object is described: whoever may write the store wrote it. */
const Described = z.object({
  nuid: z.string().regex(/^[\w-]+$/),
  chunks: z.int().nonnegative(),
  size: z.int().nonnegative(),
  mtime: z.string(),
})
type Described = z.infer<typeof Described>

/**
 * The object store for content too large for an event. Objects are named by their digest. Storing one again replaces the chunks that somebody
 * may be reading, so what is there is left alone.
 */
export class Payloads {
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #now: () => number
  #store: Promise<ObjectStore> | undefined
  /** By its nuid, since when an object was seen to lack chunks. */
  readonly #incomplete = new Map<string, number>()

  /** @param now milliseconds of a clock that never goes back */
  constructor(js: JetStreamClient, jsm: JetStreamManager, now: () => number = () => performance.now()) {
    this.#js = js
    this.#jsm = jsm
    this.#now = now
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
    // Of one whose storing was not acknowledged the client takes the chunks away again, and leaves the description.
    if (!isFresh || !(await this.#hasChunks(there)))
      await this.#put(store, digest, bytes, begins ? roomFor('requested') : 1)
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
    const info = await this.#describe(store, ref)
    if (!info) throw new ContentLost(ref, 'is gone')
    if (info.size > maxBytes) throw new ContentLost(ref, `has ${info.size} bytes, more than ${maxBytes}`)
    const bytes = await this.#whole(store, ref, info)
    if (sha256(bytes) !== digest) throw new ContentLost(ref, 'is not what its digest says')
    return bytes
  }

  /** @throws ContentLost for a description that says nothing */
  async #describe(store: ObjectStore, ref: string): Promise<Described | undefined> {
    // The client cannot ask for every name; ours are digests.
    if (!isDigest(ref)) throw new ContentLost(ref, 'has a name that nothing is stored under')
    let info: ObjectInfo | null
    try {
      info = await fromStore(store.info(ref))
    } catch (error) {
      throw error instanceof SyntaxError || error instanceof TypeError ? undescribed(ref) : error
    }
    if (!info || info.deleted) return undefined
    const described = Described.safeParse(info)
    if (!described.success) throw undescribed(ref)
    return described.data
  }

  /** All of an object. Whoever stores it anew replaces its chunks: until that is done, what was told of them is not there. */
  async #whole(store: ObjectStore, ref: string, info: Described): Promise<Buffer> {
    const bytes = await fromStore(this.#read(info))
    if (bytes.length === info.size) {
      this.#incomplete.delete(info.nuid)
      return bytes
    }
    const now = await this.#describe(store, ref)
    const isOld = Date.now() - Date.parse(info.mtime) > wholeAfterMs || this.#incompleteMs(info) > wholeAfterMs
    if (now?.nuid !== info.nuid || !isOld) {
      throw storeUnavailable('stored content is not whole just now: it is being stored anew; ask again')
    }
    // Any server of a cluster answered, and may be behind: what the one that leads them lacks is not there any more.
    const led = await fromStore(this.#readFromLeader(info))
    if (led.length !== info.size) throw new ContentLost(ref, 'has lost a part')
    return led
  }

  /** For how long an object has been seen to lack chunks, by our own clock: that of whoever stored it may be hours ahead. */
  #incompleteMs({ nuid }: Described): number {
    if (this.#incomplete.size >= maxIncomplete && !this.#incomplete.has(nuid)) this.#incomplete.clear()
    const since = this.#incomplete.get(nuid) ?? this.#now()
    this.#incomplete.set(nuid, since)
    return this.#now() - since
  }

  async #hasChunks({ nuid, chunks }: ObjectInfo): Promise<boolean> {
    const { name } = payloadStore
    const subject = `$O.${name}.C.${nuid}`
    const { state } = await fromStore(this.#jsm.streams.info(`OBJ_${name}`, { subjects_filter: subject }))
    return state.subjects?.[subject] === chunks
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

  /** The chunks that are there, and no more than there should be. The client's own reading waits for ever for those that were replaced meanwhile. */
  async #read({ nuid, chunks, size }: Described): Promise<Buffer> {
    const { name } = payloadStore
    const read = new Chunks(size)
    for (let from = 1; read.count < chunks && !read.isFull;) {
      const limits = { maxMessages: Math.min(readChunks, chunks - read.count), maxBytes: readBytes }
      const part = await readStream(this.#jsm, `OBJ_${name}`, from, limits, `$O.${name}.C.${nuid}`)
      if (part.length === 0) break
      for (const { data } of part) read.push(data)
      from = part.at(-1)!.seq + 1
    }
    return read.joined
  }

  async #readFromLeader({ nuid, chunks, size }: Described): Promise<Buffer> {
    const { name } = payloadStore
    const read = new Chunks(size)
    for (let seq = 1; read.count < chunks && !read.isFull;) {
      const next: SeqMsgRequest & NextMsgRequest = { seq, next_by_subj: `$O.${name}.C.${nuid}` }
      const message = await this.#jsm.streams.getMessage(`OBJ_${name}`, next)
      if (!message) break
      read.push(message.data)
      seq = message.seq + 1
    }
    return read.joined
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= fromStore(new Objm(this.#js).open(payloadStore.name)).catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }
}

function undescribed(ref: string): ContentLost {
  return new ContentLost(ref, 'is described in a way that cannot be read')
}

/** Chunks of an object as they are read. */
class Chunks {
  readonly #size: number
  readonly #read: Uint8Array[] = []
  #bytes = 0

  /** @param size bytes that it should have */
  constructor(size: number) {
    this.#size = size
  }

  get count(): number {
    return this.#read.length
  }

  /** There is all that there should be, or more. */
  get isFull(): boolean {
    return this.#bytes >= this.#size
  }

  get joined(): Buffer {
    return Buffer.concat(this.#read)
  }

  push(chunk: Uint8Array): void {
    this.#read.push(chunk)
    this.#bytes += chunk.length
  }
}
