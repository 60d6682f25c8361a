import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@countersign/contracts'
import { type Checkpoint, readCheckpoint, signCheckpoint } from '../note/checkpoint.ts'
import { BadNote, splitNote } from '../note/note.ts'
import type { Signer } from '../note/keys.ts'
import { Fenced, type Store, type StoreFile } from '../store/store.ts'
import { encodeBundle, maxEntryBytes } from '../tree/bundle.ts'
import { tilePath, tileWidth } from '../tree/tile.ts'
import { checkpointFile, keptPath, verifierKeysFile, witnessedFile } from './files.ts'
import { decodeJournal, encodeJournal, type Journal, journalFile } from './journal.ts'
import { loadEdge } from './load-edge.ts'
import { brokenAt } from './log-broken.ts'
import { emptyEdge, grow, type Grown, type RightEdge, rootOf } from './right-edge.ts'

export interface TreeLogOptions {
  store: Store
  /** Where in the store: empty, or ending in `/`. */
  folder: string
  /** First line of every checkpoint, and the name of the keys that sign it. */
  origin: string
  /** Who signs now: several while keys are rotated. Asked for every append. */
  signers: () => Promise<readonly Signer[]>
  /** A checkpoint is kept for good when one has been written for so long since the last that was; default an hour. */
  keepEveryMs?: number
  now?: () => number
}

/** What was appended. */
export interface Appended {
  /** Index of the first entry. */
  first: number
  leafHashes: Buffer[]
}

const hourMs = 3600 * 1000

/**
 * A tree that is written (C2SP tlog-tiles), by one writer. An append is durable as a whole when the journal is; files that follow
 * from it are the same whoever writes them and however often, so a crash anywhere leaves nothing to repair but to write them again.
 */
export class TreeLog {
  readonly #options: Required<TreeLogOptions>
  readonly #writer = randomUUID()
  #edge: RightEdge = emptyEdge
  #meta: JsonObject = {}
  #kept = { size: 0, atMs: 0 }
  #versions: { journal: string | undefined; checkpoint: string | undefined } = {
    journal: undefined,
    checkpoint: undefined,
  }
  #knownKeys: string[] = []
  /** What was written is not known: the store is asked before anything else is done. */
  #unsure = true
  #fenced: Fenced | undefined
  #busy = false
  /** A cosigned checkpoint is being written. */
  #cosigning: Promise<void> = Promise.resolve()
  #witnessedKeptAtMs = Number.NEGATIVE_INFINITY

  private constructor(options: TreeLogOptions) {
    this.#options = { keepEveryMs: hourMs, now: Date.now, ...options }
  }

  /**
   * Opens a tree, or begins one. What a crash left half-done is completed, and other writers are fenced off.
   *
   * @throws LogBroken when the tree was changed or lost a part, Fenced when another process writes it
   */
  static async open(options: TreeLogOptions): Promise<TreeLog> {
    const log = new TreeLog(options)
    await options.store.claim()
    await log.settle()
    return log
  }

  get size(): number {
    return this.#edge.size
  }

  get root(): Buffer {
    return rootOf(this.#edge)
  }

  /** What was kept with the newest append. */
  get meta(): JsonObject {
    return this.#meta
  }

  /** The newest entry. */
  get last(): Uint8Array | undefined {
    return this.#last
  }
  #last: Uint8Array | undefined

  /**
   * Appends entries in order, all or none; resolves when entries, tiles and checkpoint are durable.
   *
   * After an error it is not known whether they were appended: `settle` finds out, and `size` and `meta` then say so.
   *
   * @param meta kept with them in the same step
   * @throws RangeError for an entry that is too long, Fenced when another process writes this tree
   */
  async append(entries: readonly Uint8Array[], meta: JsonObject = {}): Promise<Appended> {
    const tooLong = entries.find(({ length }) => length > maxEntryBytes)
    if (tooLong) throw new RangeError(`an entry of ${tooLong.length} bytes is too long: at most ${maxEntryBytes}`)
    if (this.#busy) throw new Error('a log has one writer: an append is still going on')
    this.#busy = true
    try {
      await this.#cosigning
      await this.settle()
      const first = this.#edge.size
      return { first, leafHashes: entries.length === 0 ? [] : await this.#append(entries, meta) }
    } catch (error) {
      this.#unsure = true
      if (error instanceof Fenced) this.#fenced = error
      throw error
    } finally {
      this.#busy = false
    }
  }

  /**
   * Keeps a checkpoint of this tree that witnesses cosigned: as the newest that is, for good once in a while, and, unless the tree
   * went on since, as the newest checkpoint of all. An append waits at most for one small file.
   *
   * @param note a checkpoint that this log wrote, with more signature lines
   */
  async keepCosigned(note: string): Promise<void> {
    const { store, folder, keepEveryMs, now } = this.#options
    const bytes = Buffer.from(note)
    const files = [{ path: folder + witnessedFile, bytes }]
    if (now() - this.#witnessedKeptAtMs >= keepEveryMs) {
      files.push({ path: folder + keptPath(readCheckpoint(note).size), bytes })
      this.#witnessedKeptAtMs = now()
    }
    await store.write(files)
    if (this.#busy || this.#unsure || this.#fenced) return
    this.#cosigning = this.#replaceCheckpoint(note)
    await this.#cosigning
  }

  /** Never fails: whoever appends next finds out what is there. */
  async #replaceCheckpoint(note: string): Promise<void> {
    const { store, folder, origin } = this.#options
    const newest = `${origin}\n${this.#edge.size}\n${this.root.toString('base64')}\n`
    if (splitNote(note).text !== newest) return
    try {
      const path = folder + checkpointFile
      this.#versions.checkpoint = await store.swap(path, Buffer.from(note), this.#versions.checkpoint)
    } catch {
      this.#unsure = true
    }
  }

  /** Makes sure that the tree is what the store has, after an append that failed. */
  async settle(): Promise<void> {
    if (this.#fenced) throw this.#fenced
    if (!this.#unsure) return
    await this.#recover()
    this.#unsure = false
  }

  /** Resolves to the leaf hashes of the entries. */
  async #append(entries: readonly Uint8Array[], meta: JsonObject): Promise<Buffer[]> {
    const { store, folder, origin, signers, keepEveryMs, now } = this.#options
    const by = await signers()
    const newKey = await this.#publishKeys(by)
    const before = this.#edge
    const size = before.size + entries.length
    const crossed = Math.floor(size / tileWidth) > Math.floor(this.#kept.size / tileWidth)
    const keep = crossed || newKey || now() - this.#kept.atMs >= keepEveryMs
    const kept = keep ? { size, atMs: now() } : this.#kept
    const grown = grow(before, entries)
    const note = signCheckpoint({ origin, size, root: rootOf(grown.edge) }, by)
    const fromRoot = rootOf(before).toString('base64')
    const head = { from: before.size, fromRoot, note, writer: this.#writer, kept, meta }
    this.#versions.journal = await store.swap(
      folder + journalFile,
      encodeJournal({ ...head, entries }),
      this.#versions.journal,
    )
    await this.#writeOut(grown, { note, kept })
    this.#edge = grown.edge
    this.#meta = meta
    this.#kept = kept
    this.#last = entries.at(-1)
    return grown.leafHashes
  }

  /** Writes what follows from a journal. */
  async #writeOut({ edge, tiles, bundles }: Grown, { note, kept }: Pick<Journal, 'note' | 'kept'>): Promise<void> {
    const { store, folder } = this.#options
    const files: StoreFile[] = [
      ...bundles.map(({ index, entries }) => ({
        path: folder + tilePath('entries', index, entries.length),
        bytes: encodeBundle(entries),
      })),
      ...tiles.map(({ level, index, hashes }) => ({
        path: folder + tilePath(level, index, hashes.length),
        bytes: Buffer.concat(hashes),
      })),
    ]
    if (kept.size === edge.size) files.push({ path: folder + keptPath(edge.size), bytes: Buffer.from(note) })
    await store.write(files)
    // A reader of the checkpoint finds everything that it vouches for.
    const checkpoint = Buffer.from(note)
    const path = folder + checkpointFile
    this.#versions.checkpoint = await store.swap(path, checkpoint, this.#versions.checkpoint)
    const full = [
      ...bundles.filter(({ entries }) => entries.length === tileWidth).map(({ index }) => ['entries', index] as const),
      ...tiles.filter(({ hashes }) => hashes.length === tileWidth).map(({ level, index }) => [level, index] as const),
    ]
    // Narrower tiles have done their duty once the full one is there.
    for (const [level, index] of full) await store.removeFolder(`${folder}${tilePath(level, index, tileWidth)}.p`)
  }

  async #recover(): Promise<void> {
    const { store, folder, origin } = this.#options
    const keys = await store.read(folder + verifierKeysFile)
    this.#knownKeys =
      keys
        ?.toString()
        .split('\n')
        .filter((line) => line !== '') ?? []
    const [stored, checkpoint] = [
      await store.readVersion(folder + journalFile),
      await store.readVersion(folder + checkpointFile),
    ]
    const published = checkpoint && this.#read(checkpoint.bytes)
    if (!stored) {
      if (published) throw this.#broken(journalFile, 'it is missing, and there is a checkpoint')
      this.#versions = { journal: undefined, checkpoint: undefined }
      this.#edge = emptyEdge
      return
    }
    const journal = this.#decode(stored.bytes)
    const { size, root } = this.#read(Buffer.from(journal.note))
    if (published && published.size > size) {
      throw this.#broken(checkpointFile, `it vouches for ${published.size} entries, and the journal ends at ${size}`)
    }
    const before = await loadEdge(store, folder, journal.from)
    if (rootOf(before).toString('base64') !== journal.fromRoot) {
      throw this.#broken(
        'tile',
        `the tiles at the end are not those of the first ${journal.from} entries that were sealed`,
      )
    }
    const grown = grow(before, journal.entries)
    if (grown.edge.size !== size || !rootOf(grown.edge).equals(root)) {
      throw this.#broken(journalFile, `its entries do not lead to the checkpoint of ${size} entries in it (${origin})`)
    }
    // From here on a writer that is still there finds that it is not the only one.
    const mine = encodeJournal({ ...journal, writer: this.#writer })
    const version = await store.swap(folder + journalFile, mine, stored.version)
    this.#versions = { journal: version, checkpoint: checkpoint?.version }
    await this.#writeOut(grown, journal)
    this.#edge = grown.edge
    this.#meta = journal.meta
    this.#kept = journal.kept
    this.#last = journal.entries.at(-1)
  }

  /** Puts keys that are new beside the log before they sign; true when there was one. */
  async #publishKeys(by: readonly Signer[]): Promise<boolean> {
    const added = by.map(({ key }) => key.text).filter((text) => !this.#knownKeys.includes(text))
    if (added.length === 0) return false
    const all = [...added, ...this.#knownKeys]
    const { store, folder } = this.#options
    await store.write([{ path: folder + verifierKeysFile, bytes: Buffer.from(`${all.join('\n')}\n`) }])
    this.#knownKeys = all
    return true
  }

  #read(note: Buffer): Checkpoint {
    const { origin } = this.#options
    try {
      const checkpoint = readCheckpoint(note.toString())
      if (checkpoint.origin !== origin) throw new BadNote(`it is of another log, ${checkpoint.origin}`)
      return checkpoint
    } catch (error) {
      throw this.#broken(checkpointFile, (error as Error).message)
    }
  }

  #decode(bytes: Buffer): Journal {
    try {
      return decodeJournal(bytes)
    } catch (error) {
      throw this.#broken(journalFile, (error as Error).message)
    }
  }

  #broken(file: string, reason: string) {
    const { store, folder } = this.#options
    return brokenAt(store.place, folder + file, reason)
  }
}
