import { isPowerOfTwo, nodeHash } from './hash.ts'

/** Thrown for a proof that does not prove what it should. */
export class BadProof extends Error {
  override name = 'BadProof'
}

/**
 * Checks that a leaf is in a tree (RFC 9162 section 2.1.3.2).
 *
 * @throws BadProof when the proof does not show it
 */
export function checkInclusion(
  proof: readonly Buffer[],
  index: number,
  leaf: Buffer,
  size: number,
  root: Buffer,
): void {
  if (index < 0 || index >= size) throw new BadProof(`a tree of ${size} entries has no entry ${index}`)
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) throw new BadProof('the inclusion proof is longer than the tree is high')
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new BadProof('the inclusion proof ends before the root')
  if (!hash.equals(root)) throw new BadProof(`the inclusion proof leads from entry ${index} to another root`)
}

/**
 * Checks that a tree is the beginning of a larger one (RFC 9162 section 2.1.4.2).
 *
 * @throws BadProof when the proof does not show it
 */
export function checkConsistency(
  proof: readonly Buffer[],
  older: { size: number; root: Buffer },
  newer: { size: number; root: Buffer },
): void {
  if (older.size < 1 || older.size > newer.size) {
    throw new BadProof(`a tree of ${newer.size} entries did not grow from one of ${older.size}`)
  }
  if (older.size === newer.size) {
    if (proof.length > 0) throw new BadProof('a tree needs no proof that it is itself')
    if (!older.root.equals(newer.root)) throw new BadProof(`two roots for one size, ${older.size}`)
    return
  }
  const path = isPowerOfTwo(older.size) ? [older.root, ...proof] : [...proof]
  const first = path.shift()
  if (!first) throw new BadProof('the consistency proof is empty')
  let [node, last] = [older.size - 1, newer.size - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  let [oldRoot, newRoot] = [first, first]
  for (const sibling of path) {
    if (last === 0) throw new BadProof('the consistency proof is longer than the tree is high')
    if (node % 2 === 1 || node === last) {
      oldRoot = nodeHash(sibling, oldRoot)
      newRoot = nodeHash(sibling, newRoot)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else newRoot = nodeHash(newRoot, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new BadProof('the consistency proof ends before the root')
  if (!oldRoot.equals(older.root)) throw new BadProof(`it does not contain the tree of ${older.size} entries`)
  if (!newRoot.equals(newer.root)) throw new BadProof(`it does not lead to the tree of ${newer.size} entries`)
}

function half(value: number): number {
  return Math.floor(value / 2)
}
