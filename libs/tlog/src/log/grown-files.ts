import type { StoreFile } from '../store/store.ts'
import { encodeBundle } from '../tree/bundle.ts'
import { tilePath, tileWidth } from '../tree/tile.ts'
import type { Grown } from './right-edge.ts'

/** Bundles and tiles that an append completed or made wider, as files. */
export function grownFiles({ bundles, tiles }: Grown, folder: string): StoreFile[] {
  return [
    ...bundles.map(({ index, entries }) => ({
      path: folder + tilePath('entries', index, entries.length),
      bytes: encodeBundle(entries),
    })),
    ...tiles.map(({ level, index, hashes }) => ({
      path: folder + tilePath(level, index, hashes.length),
      bytes: Buffer.concat(hashes),
    })),
  ]
}

/** Folders of narrower tiles, which have done their duty once the full one is there. */
export function outgrownFolders({ bundles, tiles }: Grown, folder: string): string[] {
  const full = [
    ...bundles.filter(({ entries }) => entries.length === tileWidth).map(({ index }) => ['entries', index] as const),
    ...tiles.filter(({ hashes }) => hashes.length === tileWidth).map(({ level, index }) => [level, index] as const),
  ]
  return full.map(([level, index]) => `${folder}${tilePath(level, index, tileWidth)}.p`)
}
