import type { Store } from '../store/store.ts'
import { BadBundle, decodeBundle } from '../tree/bundle.ts'
import { hashBytes } from '../tree/hash.ts'
import { tilePath, type TileLevel, tileWidth, widthAt } from '../tree/tile.ts'
import type { Problem } from './problem.ts'

/** What is checked: the tree of a folder, of which all tiles of its size were checked. */
export interface PartialTiles {
  store: Store
  folder: string
  size: number
  tell: (problem: Problem) => void
  /** True for a file of the tree that was told of: it says nothing about others. */
  isWrong: (file: string) => boolean
}

const partialFolder = /^(\d{3})\.p\/$/
const groupFolder = /^x\d{3}\/$/

/**
 * Checks the tiles and bundles that are not full and that the tree does not need: those that trees before it left beside the ones of its
 * size, or, in a copy of a log that goes on, those of trees after it. As far as the tree goes, each must say what the tile says that was
 * checked. What lies wholly beyond the tree is not of it, and not looked at.
 */
export async function checkPartialTiles(tree: PartialTiles): Promise<void> {
  const { store, folder } = tree
  for (const name of await store.list(`${folder}tile`)) {
    const level = levelOf(name)
    if (level !== undefined) await checkFolder(tree, level, `${folder}tile/${name.slice(0, -1)}`, 0)
  }
}

function levelOf(name: string): TileLevel | undefined {
  if (name === 'entries/') return 'entries'
  return /^\d+\/$/.test(name) ? Number(name.slice(0, -1)) : undefined
}

/** @param above what the names of the folders above say of the index of a tile */
async function checkFolder(tree: PartialTiles, level: TileLevel, path: string, above: number): Promise<void> {
  for (const name of await tree.store.list(path)) {
    if (groupFolder.test(name)) {
      await checkFolder(tree, level, `${path}/${name.slice(0, -1)}`, (above + Number(name.slice(1, 4))) * 1000)
    }
    const [, digits] = partialFolder.exec(name) ?? []
    if (digits !== undefined) await checkWidths(tree, level, above + Number(digits), `${path}/${name.slice(0, -1)}`)
  }
}

/** Compares the narrower and wider ones of a tile with the one of the tree's size. */
async function checkWidths(tree: PartialTiles, level: TileLevel, index: number, path: string): Promise<void> {
  const { store, folder, size, tell, isWrong } = tree
  const width = widthAt(level, index, size)
  if (width === 0) return
  const [own, full] = [width, tileWidth].map((each) => folder + tilePath(level, index, each)) as [string, string]
  if (isWrong(own) || isWrong(full)) return
  const checked = (await store.read(own)) ?? (await store.read(full))
  for (const name of await store.list(path)) {
    const file = `${path}/${name}`
    if (file === own) continue
    const wide = Number(name)
    if (!/^[1-9]\d{0,2}$/.test(name) || wide >= tileWidth) {
      tell({ file, reason: 'it is no tile of a log: its name is not a number from 1 to 255' })
      continue
    }
    const bytes = await store.read(file)
    // What the tree lacks is told of where its tiles are checked.
    if (!bytes || !checked) continue
    const problem = level === 'entries' ? badBundle(bytes, wide) : badTile(bytes, wide)
    if (problem) tell({ file, ...problem })
    else {
      const offset = firstDifference(bytes, checked)
      if (offset !== undefined) tell({ file, offset, reason: 'it is not what an earlier tree of this log had here' })
    }
  }
}

function badTile(bytes: Buffer, width: number): Omit<Problem, 'file'> | undefined {
  const expected = width * hashBytes
  if (bytes.length === expected) return undefined
  return { offset: Math.min(bytes.length, expected), reason: `it has ${bytes.length} bytes and not ${expected}` }
}

function badBundle(bytes: Buffer, width: number): Omit<Problem, 'file'> | undefined {
  try {
    decodeBundle(bytes, width)
    return undefined
  } catch (error) {
    if (!(error instanceof BadBundle)) throw error
    return { offset: error.offset, reason: error.message }
  }
}

/** The first byte that differs, of as many as both have. */
function firstDifference(one: Buffer, other: Buffer): number | undefined {
  const length = Math.min(one.length, other.length)
  if (one.subarray(0, length).equals(other.subarray(0, length))) return undefined
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at
  return undefined
}
