import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { TreeLog, type TreeLogOptions } from '../src/log/tree-log.ts'
import { TreeReader } from '../src/log/tree-reader.ts'
import { openCheckpoint } from '../src/note/checkpoint.ts'
import { ed25519Signer, parseVerifierKey } from '../src/note/keys.ts'
import type { Store } from '../src/store/store.ts'
import { leafHash, merkleRoot } from '../src/tree/hash.ts'

export const origin = 'countersign.dev/audit/test'
export const signer = ed25519Signer(generateKeyPairSync('ed25519').privateKey, origin)

export function openLog(store: Store, more: Partial<TreeLogOptions> = {}): Promise<TreeLog> {
  return TreeLog.open({ store, folder: 't/', origin, signers: () => Promise.resolve([signer]), ...more })
}

/** Everything a store has of a tree, by its newest checkpoint; checked against the definition. */
export async function readTree(store: Store, keys = [signer.key], folder = 't/'): Promise<string[]> {
  const note = await store.read(`${folder}checkpoint`)
  if (!note) return []
  const { size, root } = openCheckpoint(note.toString(), keys)
  const reader = new TreeReader(store, folder, () => size)
  const entries: Buffer[] = []
  while (entries.length < size) entries.push(...(await reader.entriesFrom(entries.length)).entries)
  assert.equal(entries.length, size)
  assert.ok(merkleRoot(entries.map((entry) => leafHash(entry))).equals(root), 'the entries lead to the root')
  assert.ok((await reader.rootAt(size)).equals(root), 'the tiles lead to the root')
  const listed = (await store.read(`${folder}verifier-keys`))!.toString().trim().split('\n')
  assert.ok(openCheckpoint(note.toString(), listed.map(parseVerifierKey)))
  return entries.map(String)
}

export const entriesOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, place) => Buffer.from(`entry ${from + place}`))
