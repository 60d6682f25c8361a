import type { Store } from '../store/store.ts'
import { hashBytes, merkleRoot } from '../tree/hash.ts'
import { tilePath, tileWidth } from '../tree/tile.ts'
import type { Problem } from './problem.ts'

/** Makes the tiles above level 0 from the roots of bundles, and compares them with those that are stored. */
export class UpperTiles {
  readonly #store: Store
  readonly #folder: string
  readonly #tell: (problem: Problem) => void
  readonly #levels: { hashes: Buffer[]; index: number }[] = []

  constructor(store: Store, folder: string, tell: (problem: Problem) => void) {
    this.#store = store
    this.#folder = folder
    this.#tell = tell
  }

  /** Adds the root of a full tile of the level below. */
  async add(root: Buffer, level = 1): Promise<void> {
    const at = (this.#levels[level] ??= { hashes: [], index: 0 })
    at.hashes.push(root)
    if (at.hashes.length < tileWidth) return
    await this.#compare(level, at.index, at.hashes)
    const above = merkleRoot(at.hashes)
    at.hashes = []
    at.index += 1
    await this.add(above, level + 1)
  }

  /** All full tiles of level 0 were added: compares the tiles that are not full. */
  async end(): Promise<void> {
    for (const [level, at] of this.#levels.entries()) {
      if (at && at.hashes.length > 0) await this.#compare(level, at.index, at.hashes)
    }
  }

  /** What the stored tile above says of a full tile of level 0; undefined where there is none. */
  async storedRoot(index: number, size: number): Promise<Buffer | undefined> {
    const [above, place] = [Math.floor(index / tileWidth), index % tileWidth]
    const width = Math.min(tileWidth, Math.floor(size / tileWidth) - above * tileWidth)
    const bytes =
      (await this.#store.read(this.#folder + tilePath(1, above, width))) ??
      (await this.#store.read(this.#folder + tilePath(1, above, tileWidth)))
    return bytes && bytes.length >= (place + 1) * hashBytes
      ? bytes.subarray(place * hashBytes, (place + 1) * hashBytes)
      : undefined
  }

  async #compare(level: number, index: number, hashes: Buffer[]): Promise<void> {
    const { file, stored, width } = await this.#read(level, index, hashes.length)
    if (!stored) return this.#tell({ file, reason: 'it is missing' })
    const expected = width * hashBytes
    if (stored.length !== expected) {
      const offset = Math.min(stored.length, expected)
      return this.#tell({ file, offset, reason: `it has ${stored.length} bytes and not ${expected}` })
    }
    const place = hashes.findIndex((hash, at) => !hash.equals(stored.subarray(at * hashBytes, (at + 1) * hashBytes)))
    if (place < 0) return
    const from = (index * tileWidth + place) * tileWidth ** level
    this.#tell({
      file,
      offset: place * hashBytes,
      reason: `the hash over entries ${from} to ${from + tileWidth ** level - 1} is not theirs`,
    })
  }

  /** A tile of some width, or the full one when that has taken its place. */
  async #read(level: number, index: number, width: number) {
    const file = this.#folder + tilePath(level, index, width)
    const stored = await this.#store.read(file)
    if (stored || width === tileWidth) return { file, stored, width }
    const full = this.#folder + tilePath(level, index, tileWidth)
    const whole = await this.#store.read(full)
    return whole ? { file: full, stored: whole, width: tileWidth } : { file, stored, width }
  }
}
