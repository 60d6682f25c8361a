import type { Store } from '../store/store.ts'
import { contentPath } from '../log/files.ts'
import { BadBundle, decodeBundle } from '../tree/bundle.ts'
import { leafHash, merkleRoot } from '../tree/hash.ts'
import { splitTile, tilePath, type TileLevel, tileWidth, widthAt } from '../tree/tile.ts'
import { notContent } from './not-content.ts'
import type { Problem } from './problem.ts'
import { readRecordFacts, type RecordFacts } from './record-facts.ts'

/** A run of bundles of one tree, to be checked on its own. */
export interface Part {
  folder: string
  size: number
  /** Bundles from `first` to `end` (exclusive). */
  first: number
  end: number
  /** Sizes at which a root is asked for, where they end within one of the bundles. */
  sizes: number[]
  /** Whose records they are; undefined for a log of something else. */
  tenant: string | undefined
}

/** An entry whose hash is not the one in the tile. */
export interface Mismatch {
  entry: number
  offset: number
}

/** Roots of the leaves of a bundle: of all, and of the first so many that were asked for. */
export interface Roots {
  all: Uint8Array
  first: { size: number; root: Uint8Array }[]
}

/** What was found of a bundle. */
export interface CheckedBundle {
  index: number
  /** By the entries, or by the tile where entries cannot be read; undefined where neither can. */
  roots: Roots | undefined
  /** By the tile, where it says something else. */
  tileRoots: Roots | undefined
  mismatches: Mismatch[]
}

export interface CheckedPart {
  bundles: CheckedBundle[]
  /** By entry; undefined for one that cannot be read. */
  facts: (RecordFacts | undefined)[]
  problems: Problem[]
}

/** Problems told of one part; a file that is wrong from end to end is told of once. */
const maxProblems = 20

/** Checks the entries of some bundles against their tiles, and what they say against their kind. */
export async function checkPart(store: Store, part: Part): Promise<CheckedPart> {
  const result: CheckedPart = { bundles: [], facts: [], problems: [] }
  for (let index = part.first; index < part.end; index++) await checkBundle(store, part, index, result)
  result.problems.splice(maxProblems)
  return result
}

async function checkBundle(store: Store, part: Part, index: number, result: CheckedPart): Promise<void> {
  const { size } = part
  const width = widthAt('entries', index, size)
  const [bundle, tile] = await Promise.all([readTile(store, part, 'entries', index), readTile(store, part, 0, index)])
  const told = (problem: Problem) => void result.problems.push(problem)
  let tileHashes: Buffer[] | undefined
  if (!tile.bytes) told({ file: tile.path, reason: 'it is missing' })
  else if (tile.bytes.length !== tile.width * 32) {
    told({
      file: tile.path,
      offset: tile.bytes.length,
      reason: `it has ${tile.bytes.length} bytes and not ${tile.width * 32}`,
    })
  } else tileHashes = splitTile(tile.bytes).slice(0, width)

  let entries: { offset: number; entry: Buffer }[] | undefined
  if (!bundle.bytes) told({ file: bundle.path, reason: 'it is missing' })
  else {
    try {
      entries = decodeBundle(bundle.bytes, bundle.width).slice(0, width)
    } catch (error) {
      if (!(error instanceof BadBundle)) throw error
      told({ file: bundle.path, entry: index * tileWidth + error.place, offset: error.offset, reason: error.message })
    }
  }
  const leaves = entries?.map(({ entry }) => leafHash(entry)) ?? tileHashes
  if (!leaves) {
    result.bundles.push({ index, roots: undefined, tileRoots: undefined, mismatches: [] })
    result.facts.push(...Array.from({ length: width }, () => undefined))
    return
  }
  const mismatches: Mismatch[] = []
  for (const [place, { offset }] of (tileHashes ? (entries ?? []) : []).entries()) {
    if (!leaves[place]!.equals(tileHashes![place]!)) mismatches.push({ entry: index * tileWidth + place, offset })
  }
  const tileRoots = mismatches.length > 0 ? rootsOf(tileHashes!, part, index) : undefined
  result.bundles.push({ index, roots: rootsOf(leaves, part, index), tileRoots, mismatches })
  for (let place = 0; place < width; place++) {
    const found = entries?.[place]
    result.facts.push(found && (await factsOf(store, part, bundle.path, index * tileWidth + place, found, told)))
  }
}

function rootsOf(leaves: Buffer[], { sizes }: Part, index: number): Roots {
  const first: Roots['first'] = []
  for (const size of sizes) {
    const inside = size - index * tileWidth
    if (inside > 0 && inside < tileWidth) first.push({ size, root: merkleRoot(leaves, 0, inside) })
  }
  return { all: merkleRoot(leaves), first }
}

async function factsOf(
  store: Store,
  { folder, tenant }: Part,
  file: string,
  index: number,
  { entry, offset }: { entry: Buffer; offset: number },
  told: (problem: Problem) => void,
): Promise<RecordFacts | undefined> {
  if (tenant === undefined) return undefined
  try {
    const facts = readRecordFacts(entry, tenant)
    if (facts.content) {
      const path = folder + contentPath(facts.content.digest)
      const reason = await notContent(store, path, facts.content)
      if (reason) told({ file: path, entry: index, reason: `${reason}; the entry names it as its event` })
    }
    return facts
  } catch (error) {
    told({ file, entry: index, offset, reason: (error as Error).message })
    return undefined
  }
}

/** A tile of the tree's size, or the full one when that has taken its place. */
async function readTile(store: Store, { folder, size }: Part, level: TileLevel, index: number) {
  const width = widthAt(level, index, size)
  const path = folder + tilePath(level, index, width)
  const bytes = await store.read(path)
  if (bytes || width === tileWidth) return { path, bytes, width }
  const full = folder + tilePath(level, index, tileWidth)
  const fullBytes = await store.read(full)
  return fullBytes ? { path: full, bytes: fullBytes, width: tileWidth } : { path, bytes, width }
}
