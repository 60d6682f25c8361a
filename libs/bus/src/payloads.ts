import {
  canonicalJson,
  type JsonObject,
  maxInlineBytes,
  type PayloadRef,
  payloadStore,
  sha256,
} from '@countersign/contracts'
import type { JetStreamClient } from '@nats-io/jetstream'
import { Objm, type ObjectStore } from '@nats-io/obj'
import { fromStore } from './errors.ts'

/** Content as an event carries it: inside it, or by reference. */
export type Carried = { inline: JsonObject } | { stored: PayloadRef }

/** The object store for content too large for an event. Objects are named by their digest, so storing twice is the same. */
export class Payloads {
  readonly #js: JetStreamClient
  #store: Promise<ObjectStore> | undefined

  constructor(js: JetStreamClient) {
    this.#js = js
  }

  /** Puts content where it belongs by its size. */
  async carry(content: JsonObject): Promise<{ carried: Carried; digest: string }> {
    const text = canonicalJson(content)
    const digest = sha256(text)
    // Canonical text has at least a byte a UTF-16 unit: only what may be too large is encoded to be measured.
    if (text.length * 3 <= maxInlineBytes || Buffer.byteLength(text) <= maxInlineBytes)
      return { carried: { inline: content }, digest }
    const bytes = new TextEncoder().encode(text)
    const store = await this.#open()
    await fromStore(store.putBlob({ name: digest }, bytes))
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
    const bytes = await fromStore(store.getBlob(ref))
    if (!bytes) throw new Error(`the stored content ${ref} is gone`)
    if (sha256(bytes) !== digest) throw new Error(`the stored content ${ref} is not what its digest says`)
    return JSON.parse(new TextDecoder().decode(bytes)) as JsonObject
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= fromStore(new Objm(this.#js).open(payloadStore.name)).catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }
}
