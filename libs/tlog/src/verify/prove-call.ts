import {
  type AuditRecord,
  canonicalJson,
  type CallProof,
  isJsonObject,
  type Json,
  tenantOfOrigin,
} from '@countersign/contracts'
import { checkpointFile, contentPath, verifierKeysFile, witnessedFile } from '../log/files.ts'
import { brokenAt } from '../log/log-broken.ts'
import { TreeReader } from '../log/tree-reader.ts'
import { openCheckpoint, readCheckpoint } from '../note/checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from '../note/keys.ts'
import { encodeTlogProof } from '../note/tlog-proof.ts'
import { openStore, type StoreLocation } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { findTrees } from './find-trees.ts'

/** A tree in a store. */
export interface TreePlace {
  store: Store
  /** Empty, or ending in `/`. */
  folder: string
}

/**
 * Proves what a tree says about a call: each of its entries, with its place in the tree of a checkpoint.
 *
 * @param indexes of the entries of the call; those that the newest checkpoint does not have yet are left out
 * @returns undefined when none is left
 */
export async function proveCall(
  { store, folder }: TreePlace,
  { tenant, callId }: { tenant: string; callId: string },
  indexes: readonly number[],
): Promise<CallProof | undefined> {
  const listed = (await store.read(folder + verifierKeysFile))?.toString() ?? ''
  const verifierKeys = listed.split('\n').filter((line) => line !== '')
  const vouching = await vouchingFor(
    indexes.reduce((last, index) => Math.max(last, index), 0),
    { store, folder },
    verifierKeys.map(parseVerifierKey),
  )
  if (!vouching) return undefined
  const { note, checkpoint } = vouching
  const { size } = checkpoint
  const reader = new TreeReader(store, folder, () => size)
  const places = indexes.filter((index) => index < size).toSorted((a, b) => a - b)
  const entries: CallProof['entries'] = []
  for (const index of places) {
    const entry = (await reader.entriesFrom(index)).entries[0]!.toString()
    const proof = encodeTlogProof({ index, proof: await reader.proveInclusion(index, size), checkpoint: note })
    const content = await contentOf({ store, folder }, entry)
    entries.push({ entry, proof, ...(content ? { content } : {}) })
  }
  if (entries.length === 0) return undefined
  return { format: 'countersign.dev/call-proof/v1', tenant, callId, verifierKeys, entries }
}

/** The checkpoint that witnesses cosigned if it goes that far, else the newest. */
async function vouchingFor(index: number, { store, folder }: TreePlace, keys: readonly VerifierKey[]) {
  const read = async (file: string) => {
    const note = (await store.read(folder + file))?.toString()
    return note === undefined ? undefined : { note, checkpoint: openCheckpoint(note, keys) }
  }
  const witnessed = await read(witnessedFile)
  return witnessed && witnessed.checkpoint.size > index ? witnessed : read(checkpointFile)
}

/**
 * Finds a call in a log by reading all of it, and proves what the log says about it.
 *
 * @returns undefined when no tree has the call
 */
export async function proveCallFrom(location: StoreLocation, callId: string): Promise<CallProof | undefined> {
  const store = openStore(location)
  const member = Buffer.from(`"callId":${canonicalJson(callId)}`)
  for (const folder of await findTrees(store)) {
    const note = (await store.read(`${folder}checkpoint`))?.toString()
    if (note === undefined) continue
    const { size, origin } = readCheckpoint(note)
    const reader = new TreeReader(store, folder, () => size)
    const indexes: number[] = []
    for (let index = 0; index < size;) {
      const { entries } = await reader.entriesFrom(index)
      // The record's own member comes before any that is like it in an event.
      for (const [place, entry] of entries.entries()) {
        if (entry.includes(member) && (JSON.parse(entry.toString()) as AuditRecord).callId === callId)
          indexes.push(index + place)
      }
      index += entries.length
    }
    const proof = await proveCall({ store, folder }, { tenant: tenantOfOrigin(origin) ?? '', callId }, indexes)
    if (proof) return proof
  }
  return undefined
}

/** The event that an entry names by digest only; undefined where it has its event. */
async function contentOf({ store, folder }: TreePlace, entry: string) {
  const { content } = JSON.parse(entry) as Partial<AuditRecord>
  if (!content) return undefined
  const path = folder + contentPath(content.digest)
  const bytes = await store.read(path)
  const event = bytes && (JSON.parse(bytes.toString()) as Json)
  if (event === undefined || !isJsonObject(event)) throw brokenAt(store.place, path, 'it is missing, or not an event')
  return event
}
