import { type Bucket, encode } from '@countersign/bus'
import { registryKeys, type ServerEntry, type ToolEntry } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

/** Tool entries written side by side. */
const window = 64
const retryMs = 500

/**
 * Writes the entries of one server: tools first and the server after them, so that whoever reads the server's entry finds its tools
 * (removal goes the other way around). What cannot be written is tried again until it is.
 */
export class EntryWriter {
  readonly #bucket: Bucket
  readonly #log: Logger
  readonly #server: string
  readonly #tools = new Map<string, Uint8Array | undefined>()
  #entry: { value: Uint8Array | undefined } | undefined
  #flushing: Promise<void> | undefined

  constructor(bucket: Bucket, log: Logger, server: string) {
    this.#bucket = bucket
    this.#log = log
    this.#server = server
  }

  /** Takes what is to be written; the newest value of a key counts. */
  put(server: ServerEntry, tools: readonly ToolEntry[] = [], removed: readonly string[] = []): void {
    for (const tool of tools) this.#tools.set(registryKeys.tool(this.#server, tool.name), encode(tool))
    for (const name of removed) this.#tools.set(registryKeys.tool(this.#server, name), undefined)
    this.#entry = { value: encode(server) }
    void this.flushed()
  }

  /** Removes the server and its tools. */
  removeAll(tools: Iterable<string>): void {
    this.#tools.clear()
    for (const name of tools) this.#tools.set(registryKeys.tool(this.#server, name), undefined)
    this.#entry = { value: undefined }
    void this.flushed()
  }

  /** Resolves when everything that was given so far is in the registry. */
  flushed(): Promise<void> {
    this.#flushing ??= this.#flush().then(() => {
      this.#flushing = undefined
      // Given between the last look and now.
      return this.#isPending ? this.flushed() : undefined
    })
    return this.#flushing
  }

  get #isPending(): boolean {
    return this.#tools.size > 0 || this.#entry !== undefined
  }

  async #flush(): Promise<void> {
    let failed = false
    while (this.#isPending) {
      try {
        // A server's removal is seen before its tools vanish.
        if (this.#entry?.value === undefined) await this.#flushEntry()
        await this.#flushTools()
        await this.#flushEntry()
      } catch (error) {
        if (!failed)
          this.#log.warn({ server: this.#server, err: error }, 'the registry cannot be written; trying again')
        failed = true
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
    if (failed) this.#log.info({ server: this.#server }, 'the registry is written again')
  }

  async #flushTools(): Promise<void> {
    while (this.#tools.size > 0) {
      const some = [...this.#tools].slice(0, window)
      const results = await Promise.allSettled(some.map(([key, value]) => this.#write(key, value)))
      for (const [index, result] of results.entries()) {
        const [key, value] = some[index]!
        if (result.status === 'fulfilled' && this.#tools.get(key) === value) this.#tools.delete(key)
      }
      const failure = results.find((result) => result.status === 'rejected')
      if (failure) throw failure.reason
    }
  }

  async #flushEntry(): Promise<void> {
    const entry = this.#entry
    if (!entry) return
    await this.#write(registryKeys.server(this.#server), entry.value)
    if (this.#entry === entry) this.#entry = undefined
  }

  #write(key: string, value: Uint8Array | undefined): Promise<void> {
    return value === undefined ? this.#bucket.remove(key) : this.#bucket.put(key, value)
  }
}
