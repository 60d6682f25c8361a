import type { Store } from '../store/store.ts'
import { BadBundle, decodeBundle } from '../tree/bundle.ts'
import { hashBytes, leafHash } from '../tree/hash.ts'
import { levelWidth, splitTile, tilePath, type TileLevel, tileWidth } from '../tree/tile.ts'
import { brokenAt } from './log-broken.ts'
import type { RightEdge } from './right-edge.ts'

/**
 * Reads the right edge of a tree from its tiles, and checks its newest entries against them.
 *
 * @throws LogBroken naming the file that is missing or wrong
 */
export async function loadEdge(store: Store, folder: string, size: number): Promise<RightEdge> {
  const levels: Buffer[][] = []
  for (let level = 0; levelWidth(level, size) > 0; level++) {
    const width = levelWidth(level, size) % tileWidth
    const index = Math.floor(levelWidth(level, size) / tileWidth)
    levels.push(width === 0 ? [] : splitTile(await readPart(store, folder, level, index, width)).slice(0, width))
  }
  const width = size % tileWidth
  const index = Math.floor(size / tileWidth)
  const bytes = width === 0 ? Buffer.alloc(0) : await readPart(store, folder, 'entries', index, width)
  const file = tilePath('entries', index, width)
  const entries = decode(store, folder + file, bytes, width)
  for (const [place, entry] of entries.entries()) {
    if (leafHash(entry).equals(levels[0]![place]!)) continue
    const entryIndex = index * tileWidth + place
    throw brokenAt(store.place, folder + file, `entry ${entryIndex} is not what tile 0 says it is`)
  }
  return { size, levels, entries }
}

/** A tile of some width, or the full one if that has taken its place. */
async function readPart(store: Store, folder: string, level: TileLevel, index: number, width: number): Promise<Buffer> {
  const path = folder + tilePath(level, index, width)
  const part = await store.read(path)
  if (part) {
    if (level !== 'entries' && part.length !== width * hashBytes) {
      throw brokenAt(store.place, path, `it has ${part.length} bytes and not ${width * hashBytes}`)
    }
    return part
  }
  const full = await store.read(folder + tilePath(level, index, tileWidth))
  if (!full) throw brokenAt(store.place, path, 'it is missing')
  return level === 'entries' ? firstEntries(full, width) : full
}

/** The beginning of a full bundle. */
function firstEntries(bytes: Buffer, width: number): Buffer {
  let at = 0
  for (let place = 0; place < width && at + 2 <= bytes.length; place++) at += 2 + bytes.readUInt16BE(at)
  return bytes.subarray(0, at)
}

function decode(store: Store, file: string, bytes: Buffer, width: number): Buffer[] {
  try {
    return decodeBundle(bytes, width).map(({ entry }) => entry)
  } catch (error) {
    if (!(error instanceof BadBundle)) throw error
    throw brokenAt(store.place, file, `${error.message} (byte ${error.offset})`)
  }
}
