import type { Store } from '../store/store.ts'
import { BadBundle, bytesInBundle, decodeBundle, decodeEntry } from '../tree/bundle.ts'
import { hashBytes } from '../tree/hash.ts'
import { proveConsistency, proveInclusion, type ReadHashes, rootAt } from '../tree/prove.ts'
import { splitTile, tilePath, type TileLevel, tileWidth, widthAt } from '../tree/tile.ts'
import { brokenAt } from './log-broken.ts'

/** Entries with the index of the first. */
export interface EntryRun {
  first: number
  entries: Buffer[]
  /** Where each begins in its bundle: the byte of its length. */
  offsets: number[]
}

/** Where an entry is in the log: its index, where it begins in its bundle, and how long it is. */
export interface EntryPlace {
  index: number
  offset: number
  bytes: number
}

/** Reads a tree of a size that a checkpoint vouches for. */
export class TreeReader {
  readonly #store: Store
  readonly #folder: string
  readonly #size: () => number

  /** @param size how far the tree goes; asked anew for every request */
  constructor(store: Store, folder: string, size: () => number) {
    this.#store = store
    this.#folder = folder
    this.#size = size
  }

  /** Entries from an index on, to the end of its bundle; none beyond the end. */
  async entriesFrom(index: number, size = this.#size()): Promise<EntryRun> {
    if (index >= size) return { first: index, entries: [], offsets: [] }
    const bundle = Math.floor(index / tileWidth)
    const { entries, offsets } = await this.#bundle(bundle, size)
    const [from, to] = [index - bundle * tileWidth, size - bundle * tileWidth]
    return { first: index, entries: entries.slice(from, to), offsets: offsets.slice(from, to) }
  }

  /**
   * The entry at a place, without the rest of its bundle. Where that is not the place of an entry, the bundle is read after all.
   *
   * @returns undefined beyond the end
   */
  async entryAt({ index, offset, bytes }: EntryPlace): Promise<Buffer | undefined> {
    const size = this.#size()
    if (index >= size) return undefined
    for (const path of this.#paths('entries', Math.floor(index / tileWidth), size)) {
      const part = await this.#store.readPart(path, offset, bytesInBundle(bytes))
      const entry = part && decodeEntry(part)
      if (entry) return entry
    }
    return (await this.entriesFrom(index, size)).entries[0]
  }

  /** Bundles newest first, from the entry before `before` on. */
  async *backward(before: number): AsyncGenerator<EntryRun> {
    const size = this.#size()
    for (let end = Math.min(before, size); end > 0;) {
      const bundle = Math.floor((end - 1) / tileWidth)
      const first = bundle * tileWidth
      const { entries, offsets } = await this.#bundle(bundle, size)
      yield { first, entries: entries.slice(0, end - first), offsets: offsets.slice(0, end - first) }
      end = first
    }
  }

  proveInclusion(index: number, size: number): Promise<Buffer[]> {
    return proveInclusion(this.#hashes(size), index, size)
  }

  proveConsistency(older: number, size: number): Promise<Buffer[]> {
    return proveConsistency(this.#hashes(size), older, size)
  }

  rootAt(size: number): Promise<Buffer> {
    return rootAt(this.#hashes(size), size)
  }

  async #bundle(index: number, size: number): Promise<Omit<EntryRun, 'first'>> {
    const { path, bytes, width } = await this.#read('entries', index, size)
    try {
      // The full bundle may have taken the place of the one of this width.
      const found = decodeBundle(bytes, width)
      return { entries: found.map(({ entry }) => entry), offsets: found.map(({ offset }) => offset) }
    } catch (error) {
      if (!(error instanceof BadBundle)) throw error
      throw brokenAt(this.#store.place, path, `${error.message} (byte ${error.offset})`)
    }
  }

  #hashes(size: number): ReadHashes {
    const tiles = new Map<string, Buffer[]>()
    return async (level, from, to) => {
      const index = Math.floor(from / tileWidth)
      const key = `${level}/${index}`
      let hashes = tiles.get(key)
      if (!hashes) {
        const { path, bytes, width } = await this.#read(level, index, size)
        if (bytes.length !== width * hashBytes) {
          throw brokenAt(this.#store.place, path, `it has ${bytes.length} bytes and not ${width * hashBytes}`)
        }
        tiles.set(key, (hashes = splitTile(bytes)))
      }
      return hashes.slice(from - index * tileWidth, to - index * tileWidth)
    }
  }

  /** A tile or bundle of a tree of some size, or the full one when that has taken its place. */
  async #read(level: TileLevel, index: number, size: number) {
    const width = widthAt(level, index, size)
    const [path, full] = this.#paths(level, index, size)
    const bytes = await this.#store.read(path)
    if (bytes) return { path, bytes, width }
    const whole = full === path ? undefined : await this.#store.read(full)
    if (whole) return { path: full, bytes: whole, width: tileWidth }
    throw brokenAt(this.#store.place, path, 'it is missing')
  }

  /** Where a tile or bundle of a tree of some size is, and where the full one is. */
  #paths(level: TileLevel, index: number, size: number): [path: string, full: string] {
    const widths = [widthAt(level, index, size), tileWidth]
    return widths.map((width) => this.#folder + tilePath(level, index, width)) as [string, string]
  }
}
