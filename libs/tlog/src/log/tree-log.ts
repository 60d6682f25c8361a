import { randomUUID } from 'node:crypto'
import type { JsonObject } from '@countersign/contracts'
import { readCheckpoint, signCheckpoint } from '../note/checkpoint.ts'
import { splitNote } from '../note/note.ts'
import type { Signer, VerifierKey } from '../note/keys.ts'
import { Fenced, type Store } from '../store/store.ts'
import { maxEntryBytes } from '../tree/bundle.ts'
import { tileWidth } from '../tree/tile.ts'
import { checkpointFile, keptPath, verifierKeysFile, witnessedFile } from './files.ts'
import { grownFiles, outgrownFolders } from './grown-files.ts'
import { decodeJournal, encodeJournal, type Journal, journalFile } from './journal.ts'
import { loadEdge } from './load-edge.ts'
import { brokenAt } from './log-broken.ts'
import { readSigned, type Signed } from './read-signed.ts'
import { emptyEdge, grow, type Grown, type RightEdge, rootOf } from './right-edge.ts'

export interface TreeLogOptions {
  store: Store
  /** Where in the store: empty, or ending in `/`. */
  folder: string
  /** First line of every checkpoint, and the name of the keys that sign it. */
  origin: string
  /**
   * Who signs now: several while keys are rotated. Asked for every append; and a log is only gone on with when one of them signed its
   * newest checkpoint.
   */
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
  /** Who signed the newest checkpoint, by the text of the key. */
  #signedBy = new Set<string>()
  /** Keys that were given to this log since it was opened, by their text: one may go between an append that failed and `settle`. */
  readonly #ownKeys = new Map<string, VerifierKey>()
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
   * @throws LogBroken when the tree was changed, lost a part, or was not signed by its signers; Fenced when another process writes it
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

  /**
   * Has all who sign now sign the newest checkpoint, where one of them has not: a tree to which nothing is added would keep none but the
   * signature of a key that is being replaced, and not be gone on with by who has the new one alone. Not beside an append.
   */
  async renew(): Promise<void> {
    if (this.#busy) throw new Error('a log has one writer: an append is still going on')
    if (this.size === 0) return
    this.#busy = true
    try {
      const by = await this.#signers()
      if (by.every(({ key }) => this.#signedBy.has(key.text))) return
      await this.#cosigning
      this.#unsure = true
      await this.settle()
    } finally {
      this.#busy = false
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
    const { store, folder, origin, keepEveryMs, now } = this.#options
    const by = await this.#signers()
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
    this.#signedBy = textsOf(by.map(({ key }) => key))
    this.#edge = grown.edge
    this.#meta = meta
    this.#kept = kept
    this.#last = entries.at(-1)
    return grown.leafHashes
  }

  /** Writes what follows from a journal. */
  async #writeOut(grown: Grown, { note, kept }: Pick<Journal, 'note' | 'kept'>): Promise<void> {
    const { store, folder } = this.#options
    const { size } = grown.edge
    await store.write(grownFiles(grown, folder))
    // A reader of the checkpoint finds everything that it vouches for.
    const checkpoint = Buffer.from(note)
    const path = folder + checkpointFile
    this.#versions.checkpoint = await store.swap(path, checkpoint, this.#versions.checkpoint)
    // A kept one is never newer than the checkpoint: readers would take the log for one that was set back. A crash between the two is
    // made good from the journal, which still is the same then.
    if (kept.size === size) await store.write([{ path: folder + keptPath(size), bytes: checkpoint }])
    for (const outgrown of outgrownFolders(grown, folder)) await store.removeFolder(outgrown)
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
    if (!stored) {
      if (checkpoint) throw this.#broken(journalFile, 'it is missing, and there is a checkpoint')
      this.#versions = { journal: undefined, checkpoint: undefined }
      this.#edge = emptyEdge
      return
    }
    const by = await this.#signers()
    const journal = this.#decode(stored.bytes)
    const sealed = this.#readSigned(journal.note, journalFile)
    if (checkpoint) this.#checkPublished(checkpoint.bytes.toString(), journal, sealed)
    const before = await loadEdge(store, folder, journal.from)
    if (rootOf(before).toString('base64') !== journal.fromRoot) {
      throw this.#broken(
        'tile',
        `the tiles at the end are not those of the first ${journal.from} entries that were sealed`,
      )
    }
    const grown = grow(before, journal.entries)
    if (grown.edge.size !== sealed.size || !rootOf(grown.edge).equals(sealed.root)) {
      throw this.#broken(
        journalFile,
        `its entries do not lead to the checkpoint of ${sealed.size} entries in it (${origin})`,
      )
    }
    const resigned = await this.#signAgain(journal, sealed, by)
    // From here on a writer that is still there finds that it is not the only one.
    const mine = encodeJournal({ ...resigned, writer: this.#writer })
    const version = await store.swap(folder + journalFile, mine, stored.version)
    this.#versions = { journal: version, checkpoint: checkpoint?.version }
    await this.#writeOut(grown, resigned)
    this.#signedBy = textsOf(resigned === journal ? sealed.signedBy : by.map(({ key }) => key))
    this.#edge = grown.edge
    this.#meta = resigned.meta
    this.#kept = resigned.kept
    this.#last = resigned.entries.at(-1)
  }

  /**
   * Checks the newest checkpoint against the journal. One of the tree that the journal goes on from says nothing that the journal does
   * not say, so it may be signed by a key that is not given any more: a crash left it while keys were rotated.
   */
  #checkPublished(note: string, { from, fromRoot }: Journal, { size }: Signed): void {
    const { origin } = this.#options
    if (note.startsWith(`${origin}\n${from}\n${fromRoot}\n\n`)) return
    const published = this.#readSigned(note, checkpointFile)
    if (published.size <= size) return
    throw this.#broken(checkpointFile, `it vouches for ${published.size} entries, and the journal ends at ${size}`)
  }

  /** A journal with a checkpoint that all who sign now have signed: whoever did not may be the only one left at the next start. */
  async #signAgain(journal: Journal, { size, root, signedBy }: Signed, by: readonly Signer[]): Promise<Journal> {
    const { origin, now } = this.#options
    if (by.every(({ key }) => signedBy.some(({ text }) => text === key.text))) return journal
    const newKey = await this.#publishKeys(by)
    const note = signCheckpoint({ origin, size, root }, by)
    return { ...journal, note, kept: newKey ? { size, atMs: now() } : journal.kept }
  }

  /** Who signs now. */
  async #signers(): Promise<readonly Signer[]> {
    const by = await this.#options.signers()
    for (const { key } of by) this.#ownKeys.set(key.text, key)
    return by
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

  #readSigned(note: string, file: string): Signed {
    const { store, folder, origin } = this.#options
    return readSigned(note, { origin, keys: [...this.#ownKeys.values()], place: store.place, file: folder + file })
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

function textsOf(keys: readonly VerifierKey[]): Set<string> {
  return new Set(keys.map(({ text }) => text))
}
