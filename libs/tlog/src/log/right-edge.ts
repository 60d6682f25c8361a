import { leafHash, merkleRoot } from '../tree/hash.ts'
import { tileWidth } from '../tree/tile.ts'

/** What a tree that grows needs of what it has: the tiles at its right edge, and the newest bundle. */
export interface RightEdge {
  size: number
  /** By level, the hashes of the tile that is not full; none where the last one is full. */
  levels: readonly (readonly Buffer[])[]
  /** Entries of the bundle that is not full. */
  entries: readonly Uint8Array[]
}

/** A tile or bundle that an append completed or made wider. */
export interface GrownTile {
  level: number
  index: number
  hashes: readonly Buffer[]
}

export interface GrownBundle {
  index: number
  entries: readonly Uint8Array[]
}

/** The right edge of an empty tree. */
export const emptyEdge: RightEdge = { size: 0, levels: [], entries: [] }

/** What comes of adding entries to a tree. */
export interface Grown {
  edge: RightEdge
  tiles: GrownTile[]
  bundles: GrownBundle[]
  /** Of what was added, in order. */
  leafHashes: Buffer[]
}

/** Adds entries; the edge that was given stays as it is. */
export function grow(edge: RightEdge, added: readonly Uint8Array[]): Grown {
  const levels = edge.levels.map((hashes) => [...hashes])
  const tiles: GrownTile[] = []
  const bundles: GrownBundle[] = []
  const leafHashes = added.map((entry) => leafHash(entry))
  const touched = new Set<number>()
  const full = edge.levels.map(
    (hashes, level) => (Math.floor(edge.size / tileWidth ** level) - hashes.length) / tileWidth,
  )
  const add = (level: number, hash: Buffer) => {
    const hashes = (levels[level] ??= [])
    hashes.push(hash)
    touched.add(level)
    if (hashes.length < tileWidth) return
    tiles.push({ level, index: full[level] ?? 0, hashes })
    full[level] = (full[level] ?? 0) + 1
    levels[level] = []
    touched.delete(level)
    add(level + 1, merkleRoot(hashes))
  }
  let entries = [...edge.entries]
  let bundle = Math.floor(edge.size / tileWidth)
  for (const [place, entry] of added.entries()) {
    entries.push(entry)
    add(0, leafHashes[place]!)
    if (entries.length < tileWidth) continue
    bundles.push({ index: bundle++, entries })
    entries = []
  }
  for (const level of touched) tiles.push({ level, index: full[level] ?? 0, hashes: levels[level]! })
  if (entries.length > 0 && added.length > 0) bundles.push({ index: bundle, entries })
  return { edge: { size: edge.size + added.length, levels, entries }, tiles, bundles, leafHashes }
}

/** The root of the tree. */
export function rootOf({ levels }: RightEdge): Buffer {
  let rest: Buffer | undefined
  for (const hashes of levels) {
    // What is right of a level's last whole hash counts as one more: it is smaller than they are.
    if (hashes.length > 0) rest = merkleRoot(rest ? [...hashes, rest] : hashes)
  }
  return rest ?? merkleRoot([])
}
