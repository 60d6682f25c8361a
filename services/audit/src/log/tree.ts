import type { JsonObject } from '@countersign/contracts'
import {
  checkpointFile,
  contentPath,
  type EntryPlace,
  leafHash,
  LogBroken,
  type Store,
  tileWidth,
  type TreeLog,
  type TreePlace,
  TreeReader,
} from '@countersign/tlog'
import { readHead, type RecordText } from '../record/record-text.ts'
import { toldEvent } from '../record/told-event.ts'
import { sealedText } from './sealed-text.ts'
import type { StreamPosition, StreamPositions } from './stream-position.ts'
import type { LogEntry, PlacedEntry, Sealed, TenantLog } from './log.ts'

/** What a tree keeps with its newest entries. */
export interface TreeMeta {
  /** Where the newest entry of each stream comes from. */
  last: StreamPositions
  /** Up to here everything was sealed when they were, in this tree and all others. */
  sealed: StreamPositions
  sealedAt: string
}

const callIdMember = '"callId":"'
const callIdLength = 36
/** Where an entry whose event is kept beside the log would have it, and what it says of it. */
const contentMember = '"content":{"digest":"'
const contentAbout = /(sha256:[0-9a-f]{64})","size":(\d+)\}/y
/** Bundles that something is read of at once. */
const bundlesAhead = 6
/** Of a bundle, more than so many entries are read with all of it. */
const maxSingly = 8
const maxReadBytes = 8 * 1024 * 1024

/** The tree of one tenant. */
export class Tree implements TenantLog {
  readonly tenant: string
  readonly #log: TreeLog
  readonly #store: Store
  readonly #folder: string
  readonly #reader: TreeReader

  constructor(tenant: string, log: TreeLog, store: Store, folder: string) {
    this.tenant = tenant
    this.#log = log
    this.#store = store
    this.#folder = folder
    this.#reader = new TreeReader(store, folder, () => log.size)
  }

  get size(): number {
    return this.#log.size
  }

  get root(): Buffer {
    return this.#log.root
  }

  /** Where the tree lies. */
  get place(): TreePlace {
    return { store: this.#store, folder: this.#folder }
  }

  get reader(): TreeReader {
    return this.#reader
  }

  get meta(): TreeMeta | undefined {
    return this.#log.size === 0 ? undefined : readMeta(this.#log.meta)
  }

  get sealedAt(): Date | undefined {
    return this.meta && new Date(this.meta.sealedAt)
  }

  /** Has all who sign now sign what is there; see `TreeLog.renew`. */
  renew(): Promise<void> {
    return this.#log.renew()
  }

  /** Appends those of some records that are not in the tree; resolves to all of them with their places. */
  async append(records: readonly RecordText[], sealed: StreamPositions): Promise<Sealed[]> {
    await this.#log.settle()
    const before = this.meta?.last ?? {}
    const last = before[records[0]!.stream]
    const old = records.filter(({ created, seq }) => created === last?.created && seq <= last.seq)
    const fresh = records.slice(old.length)
    const found = old.length === 0 ? [] : await this.#find(old)
    if (fresh.length === 0) return found
    const contents = fresh.flatMap(({ content }) => (content ? [content] : []))
    // Before the entries that name it: what an entry says is beside the log is there.
    await this.#store.write(
      contents.map(({ digest, bytes }) => ({
        path: this.#folder + contentPath(digest),
        bytes,
      })),
    )
    const { stream, seq, created } = fresh.at(-1)!
    const meta: TreeMeta = {
      last: { ...before, [stream]: { seq, created } },
      sealed,
      sealedAt: new Date().toISOString(),
    }
    const { first, leafHashes } = await this.#log.append(
      fresh.map(({ entry }) => entry),
      meta as unknown as JsonObject,
    )
    const appended = fresh.map((record, place) => {
      const index = first + place
      return { tenant: this.tenant, index, text: sealedText(index, leafHashes[place]!, record.text), record }
    })
    return [...found, ...appended]
  }

  async read(fromIndex: number, count: number): Promise<PlacedEntry[]> {
    const entries: PlacedEntry[] = []
    let bytes = 0
    for (let index = fromIndex; entries.length < count && bytes < maxReadBytes;) {
      const run = await this.#reader.entriesFrom(index)
      if (run.entries.length === 0) break
      for (const [at, entry] of run.entries.entries()) {
        if (entries.length >= count || bytes >= maxReadBytes) break
        const place = { index, offset: run.offsets[at]!, bytes: entry.length }
        const read = await this.#entry(index++, entry)
        entries.push({ ...read, place })
        bytes += read.text.length
      }
    }
    return entries
  }

  async *readEach(places: readonly EntryPlace[]): AsyncGenerator<LogEntry> {
    const groups = [...Map.groupBy(places, ({ index }) => Math.floor(index / tileWidth)).values()]
    const reading = new Map<number, Promise<(Buffer | undefined)[]>>()
    let begun = 0
    for (const [turn, within] of groups.entries()) {
      for (; begun < Math.min(groups.length, turn + bundlesAhead); begun++) {
        const entries = this.#ofBundle(groups[begun]!)
        // Told when it is its turn.
        entries.catch(() => {})
        reading.set(begun, entries)
      }
      const entries = await reading.get(turn)!
      reading.delete(turn)
      for (const [at, { index }] of within.entries()) {
        const entry = entries[at]
        if (!entry) throw new RangeError(`the audit log of ${this.tenant} has no entry ${index}`)
        yield await this.#entry(index, entry)
      }
    }
  }

  /** Entries of one bundle: each by itself, or where they are many all of it. */
  async #ofBundle(places: readonly EntryPlace[]): Promise<(Buffer | undefined)[]> {
    if (places.length <= maxSingly) return Promise.all(places.map((place) => this.#reader.entryAt(place)))
    const first = Math.floor(places[0]!.index / tileWidth) * tileWidth
    const { entries } = await this.#reader.entriesFrom(first)
    return places.map(({ index }) => entries[index - first])
  }

  async *backward(before: number): AsyncGenerator<LogEntry> {
    for await (const { first, entries } of this.#reader.backward(before)) {
      for (let place = entries.length - 1; place >= 0; place--) {
        yield await this.#entry(first + place, entries[place]!)
      }
    }
  }

  /** Keeps a checkpoint that witnesses cosigned; see `TreeLog.keepCosigned`. */
  keepCosigned(note: string): Promise<void> {
    return this.#log.keepCosigned(note)
  }

  /** The newest checkpoint, as it was signed. */
  async newestCheckpoint(): Promise<string> {
    const bytes = await this.#store.read(this.#folder + checkpointFile)
    if (!bytes) throw new LogBroken(`the audit log of ${this.tenant} has lost its checkpoint`)
    return bytes.toString()
  }

  /** Where records are that were appended before; of their stream they are the newest of the tree. */
  async #find(records: readonly RecordText[]): Promise<Sealed[]> {
    const missing = new Map(records.map((record) => [record.seq, record]))
    const found: Sealed[] = []
    const { stream, created, seq: oldest } = records[0]!
    for await (const { index, text } of this.backward(this.size)) {
      const head = readHead(text.slice(0, -1))
      if (head.stream !== stream) continue
      const record = missing.get(head.seq)
      if (head.created !== created || head.seq < oldest) break
      if (record) found.unshift({ tenant: this.tenant, index, text, record })
    }
    if (found.length === records.length) return found
    throw new LogBroken(
      `the audit log of ${this.tenant} ends after event ${this.meta?.last[stream]?.seq} of ${stream}, and lacks some before it`,
    )
  }

  async #entry(index: number, entry: Buffer): Promise<LogEntry> {
    const text = await this.#whole(index, entry)
    return { tenant: this.tenant, index, text: sealedText(index, leafHash(entry), text) }
  }

  /** The text of a record, with the event that is kept beside the log in its place, unless it is too large to be told. */
  async #whole(index: number, entry: Buffer): Promise<string> {
    const text = entry.toString()
    // The first member of a record that is of no call; else what comes after the call id.
    const afterCallId = () => text.indexOf(callIdMember) + callIdMember.length + callIdLength + '",'.length
    const place = text.startsWith(contentMember, 1) ? 1 : afterCallId()
    if (!text.startsWith(contentMember, place)) return text
    // In a record that is of no call, members by these names are what its event says.
    if (place !== 1 && readHead(text).kind !== 'call') return text
    contentAbout.lastIndex = place + contentMember.length
    const [, digest, size] = contentAbout.exec(text) ?? []
    if (digest === undefined) throw new LogBroken(`entry ${index} of the audit log of ${this.tenant} names no content`)
    const event = await toldEvent(Number(size), () => this.#content(index, digest))
    return `${text.slice(0, place)}"cloudEvent":${event},${text.slice(place)}`
  }

  async #content(index: number, digest: string): Promise<string> {
    const content = await this.#store.read(this.#folder + contentPath(digest))
    if (content) return content.toString()
    throw new LogBroken(`entry ${index} of the audit log of ${this.tenant} names content ${digest}, which is missing`)
  }
}

/** Before there was more than one stream, the places were those of `CALLS`. */
function readMeta(meta: JsonObject): TreeMeta {
  const read = meta as unknown as TreeMeta
  const places = (of: StreamPositions | StreamPosition) => ('seq' in of ? { CALLS: of } : of)
  return { ...read, last: places(read.last), sealed: places(read.sealed) }
}
