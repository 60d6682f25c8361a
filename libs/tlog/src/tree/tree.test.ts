import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyEdge, grow, rootOf } from '../log/right-edge.ts'
import { BadProof, checkConsistency, checkInclusion } from './check-proof.ts'
import { Frontier } from './frontier.ts'
import { isPowerOfTwo, leafHash, merkleRoot } from './hash.ts'
import { proveConsistency, proveInclusion, type ReadHashes, rootAt } from './prove.ts'
import { tilePath } from './tile.ts'

const entryOf = (index: number) => Buffer.from(`entry ${index}`)
const leaves = Array.from({ length: 70_000 }, (_, index) => leafHash(entryOf(index)))
/** The definition itself: a level of tiles holds the roots of its full subtrees. */
const read: ReadHashes = (level, from, to) => {
  const unit = 256 ** level
  return Promise.resolve(
    Array.from({ length: to - from }, (_, at) => merkleRoot(leaves, (from + at) * unit, (from + at + 1) * unit)),
  )
}

test('the root of three leaves is what RFC 6962 says, and an empty tree has one too', () => {
  const hex = (root: Buffer) => root.toString('hex')
  assert.equal(hex(merkleRoot([])), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(hex(leafHash(Buffer.alloc(0))), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
  // From the test vectors of Certificate Transparency: leaves "", 00, 10.
  const vector = ['', '00', '10'].map((leaf) => leafHash(Buffer.from(leaf, 'hex')))
  assert.equal(hex(merkleRoot(vector)), 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77')
})

test('tiles, bundles and roots are the same however a tree was grown', () => {
  for (const steps of [[1], [7, 250, 3], [255, 1, 257], [256], [600, 1]]) {
    let edge = emptyEdge
    const frontier = new Frontier()
    const files = new Map<string, string>()
    for (let turn = 0; edge.size < 1500; turn++) {
      const count = steps[turn % steps.length]!
      const added = Array.from({ length: count }, (_, place) => entryOf(edge.size + place))
      for (const entry of added) frontier.add(leafHash(entry))
      const grown = grow(edge, added)
      edge = grown.edge
      for (const { level, index, hashes } of grown.tiles)
        files.set(tilePath(level, index, hashes.length), Buffer.concat(hashes).toString('hex'))
      const root = merkleRoot(leaves, 0, edge.size).toString('hex')
      assert.equal(rootOf(edge).toString('hex'), root)
      assert.equal(frontier.root().toString('hex'), root)
      assert.equal(frontier.size, edge.size)
    }
    assert.equal(files.get('tile/0/003'), Buffer.concat(leaves.slice(768, 1024)).toString('hex'))
    assert.equal(files.get('tile/0/000'), Buffer.concat(leaves.slice(0, 256)).toString('hex'))
  }
})

test('paths of tiles are those of the specification', () => {
  assert.equal(tilePath(0, 1_234_067, 256), 'tile/0/x001/x234/067')
  assert.equal(tilePath('entries', 1000, 112), 'tile/entries/x001/000.p/112')
  assert.equal(tilePath(2, 0, 1), 'tile/2/000.p/1')
})

test('every leaf of trees of many sizes is proven, and nothing else is', async () => {
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 1000, 70_000]) {
    const root = await rootAt(read, size)
    assert.ok(root.equals(merkleRoot(leaves, 0, size)))
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((each) => each >= 0 && each < size))) {
      const proof = await proveInclusion(read, index, size)
      checkInclusion(proof, index, leaves[index]!, size, root)
      const other = (index + 1) % size
      if (other !== index) assert.throws(() => checkInclusion(proof, other, leaves[index]!, size, root), BadProof)
      assert.throws(() => checkInclusion(proof, index, leafHash(entryOf(-1)), size, root), BadProof)
      assert.throws(() => checkInclusion([...proof, root], index, leaves[index]!, size, root), BadProof)
      if (size > 1) assert.throws(() => checkInclusion(proof.slice(1), index, leaves[index]!, size, root), BadProof)
    }
    assert.throws(() => checkInclusion([], size, leaves[0]!, size, root), BadProof)
  }
})

test('every tree is proven to begin every larger one, and no other tree is', async () => {
  const sizes = [1, 2, 3, 4, 6, 7, 8, 128, 255, 256, 257, 511, 1000, 66_000]
  for (const size of sizes) {
    for (const older of sizes.filter((each) => each <= size)) {
      const proof = await proveConsistency(read, older, size)
      const [from, to] = [older, size].map((each) => ({ size: each, root: merkleRoot(leaves, 0, each) }))
      checkConsistency(proof, from!, to!)
      const forged = { size: older, root: merkleRoot(leaves, 1, older + 1) }
      assert.throws(() => checkConsistency(proof, forged, to!), BadProof)
      assert.throws(() => checkConsistency(proof, from!, { size, root: merkleRoot(leaves, 1, size + 1) }), BadProof)
      if (older < size) assert.throws(() => checkConsistency(proof.slice(1), from!, to!), BadProof)
      assert.throws(() => checkConsistency([...proof, forged.root], from!, to!), BadProof)
    }
  }
})

test('powers of two are told from their neighbours', () => {
  for (let power = 4; power < 2 ** 50; power *= 2) {
    assert.deepEqual([power - 1, power, power + 1].map(isPowerOfTwo), [false, true, false])
  }
})
