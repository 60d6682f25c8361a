import { hashBytes } from './hash.ts'

/** Hashes in a full tile, and entries in a full bundle (C2SP tlog-tiles). */
export const tileWidth = 256

/** Levels of tiles, `entries` being the bundles under level 0. */
export type TileLevel = number | 'entries'

/** The path of a tile or bundle; one that is not full says how wide it is. */
export function tilePath(level: TileLevel, index: number, width: number): string {
  const groups: string[] = []
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    const digits = String(rest % 1000).padStart(3, '0')
    groups.unshift(groups.length === 0 ? digits : `x${digits}`)
  }
  return `tile/${level}/${groups.join('/')}${width === tileWidth ? '' : `.p/${width}`}`
}

/** How many hashes a level has in a tree of some size. */
export function levelWidth(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level)
}

/** How wide a tile or bundle is in a tree of some size; 0 for one that does not exist. */
export function widthAt(level: TileLevel, index: number, size: number): number {
  const count = levelWidth(level === 'entries' ? 0 : level, size) - index * tileWidth
  return Math.max(0, Math.min(tileWidth, count))
}

/** The hashes of a tile. */
export function splitTile(bytes: Buffer): Buffer[] {
  const hashes: Buffer[] = []
  for (let at = 0; at + hashBytes <= bytes.length; at += hashBytes) hashes.push(bytes.subarray(at, at + hashBytes))
  return hashes
}
