import { hash } from 'node:crypto'

/** Bytes of a hash (SHA-256). */
export const hashBytes = 32

const leafPrefix = 0x00
const nodePrefix = 0x01

/** The root of a tree without leaves (RFC 6962 section 2.1). */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer')

let leafScratch = Buffer.alloc(1 + 65_535)
const nodeScratch = Buffer.alloc(1 + 2 * hashBytes, nodePrefix)

/** The hash of a leaf: SHA-256 over a zero byte and the entry (RFC 6962 section 2.1). */
export function leafHash(entry: Uint8Array): Buffer {
  if (entry.length >= leafScratch.length) leafScratch = Buffer.alloc(1 + entry.length)
  leafScratch[0] = leafPrefix
  leafScratch.set(entry, 1)
  return hash('sha256', leafScratch.subarray(0, 1 + entry.length), 'buffer')
}

/** The hash of an inner node: SHA-256 over a one byte and both children (RFC 6962 section 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 1 + hashBytes)
  return hash('sha256', nodeScratch, 'buffer')
}

/** The root over some nodes, by the rule of RFC 6962 for leaves; the last may stand for a subtree smaller than the others. */
export function merkleRoot(nodes: readonly Buffer[], from = 0, to = nodes.length): Buffer {
  if (to - from === 0) return emptyRoot
  if (to - from === 1) return nodes[from]!
  const split = from + splitPoint(to - from)
  return nodeHash(merkleRoot(nodes, from, split), merkleRoot(nodes, split, to))
}

/** The largest power of two below a count of two or more: so many leaves are on the left. */
export function splitPoint(count: number): number {
  let split = 1
  while (split * 2 < count) split *= 2
  return split
}

/** True for 1, 2, 4, 8 … */
export function isPowerOfTwo(count: number): boolean {
  return count === 1 || splitPoint(count + 1) === count
}
