import { isPowerOfTwo, merkleRoot, nodeHash, splitPoint } from './hash.ts'
import { tileWidth } from './tile.ts'

/** Reads hashes of a level of tiles, `from` to `to` (exclusive), which lie in one tile. */
export type ReadHashes = (level: number, from: number, to: number) => Promise<Buffer[]>

/** The hash over the leaves `from` to `to` of a tree. */
async function rangeHash(read: ReadHashes, from: number, to: number): Promise<Buffer> {
  const count = to - from
  if (isPowerOfTwo(count) && from % count === 0) {
    let level = 0
    while (tileWidth ** (level + 1) <= count) level++
    const unit = tileWidth ** level
    return merkleRoot(await read(level, from / unit, to / unit))
  }
  const split = from + splitPoint(count)
  return nodeHash(await rangeHash(read, from, split), await rangeHash(read, split, to))
}

/** The root of the first `size` leaves. */
export function rootAt(read: ReadHashes, size: number): Promise<Buffer> {
  return size === 0 ? Promise.resolve(merkleRoot([])) : rangeHash(read, 0, size)
}

/**
 * Proves that a leaf is in a tree (RFC 6962 section 2.1.1): the siblings from the leaf up.
 *
 * @throws RangeError for an index beyond the tree
 */
export async function proveInclusion(read: ReadHashes, index: number, size: number): Promise<Buffer[]> {
  if (index < 0 || index >= size) throw new RangeError(`a tree of ${size} entries has no entry ${index}`)
  const proof: Buffer[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const split = from + splitPoint(to - from)
    proof.push(await (index < split ? rangeHash(read, split, to) : rangeHash(read, from, split)))
    if (index < split) to = split
    else from = split
  }
  return proof.toReversed()
}

/**
 * Proves that a tree is the beginning of a larger one (RFC 6962 section 2.1.2).
 *
 * @throws RangeError when `older` is not between 1 and `size`
 */
export async function proveConsistency(read: ReadHashes, older: number, size: number): Promise<Buffer[]> {
  if (older < 1 || older > size) throw new RangeError(`a tree of ${size} entries did not grow from one of ${older}`)
  const proof: Buffer[] = []
  let [from, to] = [0, size]
  while (to !== older) {
    const split = from + splitPoint(to - from)
    if (older <= split) {
      proof.push(await rangeHash(read, split, to))
      to = split
    } else {
      proof.push(await rangeHash(read, from, split))
      from = split
    }
  }
  if (from > 0) proof.push(await rangeHash(read, from, to))
  return proof.toReversed()
}
