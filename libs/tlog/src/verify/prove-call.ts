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

/** What a tree says about a call, as far as it fits. */
export interface ProofPart {
  proof: CallProof
  /** Index of the first entry that did not fit any more. */
  next: number | undefined
}

/** Thrown where one entry of a call, with the event that lies beside it, is more than a proof may hold. */
export class ProofTooLarge extends Error {
  override name = 'ProofTooLarge'
  /** Bytes of it. */
  readonly size: number

  constructor(size: number, maxBytes: number) {
    super(`an event of it has ${size} bytes beside the log, more than the ${maxBytes} that a proof may hold here`)
    this.size = size
  }
}

/**
 * Proves what a tree says about a call: each of its entries, with its place in the tree of a checkpoint.
 *
 * @param indexes of the entries of the call; those that the newest checkpoint does not have yet are left out
 * @param maxBytes of all proven entries as JSON, with the events that lie beside them
 * @returns undefined when none is left
 * @throws ProofTooLarge for an entry that does not fit by itself
 */
export async function proveCall(
  { store, folder }: TreePlace,
  { tenant, callId }: { tenant: string; callId: string },
  indexes: readonly number[],
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<ProofPart | undefined> {
  const listed = (await store.read(folder + verifierKeysFile))?.toString() ?? ''
  const verifierKeys = listed.split('\n').filter((line) => line !== '')
  const vouching = await vouchingFor(
    indexes.reduce((last, index) => Math.max(last, index), 0),
    { store, folder },
    verifierKeys.map(parseVerifierKey),
  )
  if (!vouching) return undefined
  const { note, checkpoint } = vouching
  const { size: treeSize } = checkpoint
  const reader = new TreeReader(store, folder, () => treeSize)
  const entries: CallProof['entries'] = []
  let next: number | undefined
  let bytes = 0
  for (const index of indexes.filter((each) => each < treeSize).toSorted((a, b) => a - b)) {
    const entry = (await reader.entriesFrom(index)).entries[0]!.toString()
    const { content } = JSON.parse(entry) as Partial<AuditRecord>
    const proof = encodeTlogProof({ index, proof: await reader.proveInclusion(index, treeSize), checkpoint: note })
    const size = Buffer.byteLength(JSON.stringify({ entry, proof })) + (content?.size ?? 0)
    if (size > maxBytes) throw new ProofTooLarge(size, maxBytes)
    bytes += size
    if (bytes > maxBytes) {
      next = index
      break
    }
    entries.push({ entry, proof, ...(content ? { content: await contentOf({ store, folder }, content) } : {}) })
  }
  if (entries.length === 0) return undefined
  return { proof: { format: 'countersign.dev/call-proof/v1', tenant, callId, verifierKeys, entries }, next }
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
    const proven = await proveCall({ store, folder }, { tenant: tenantOfOrigin(origin) ?? '', callId }, indexes)
    if (proven) return proven.proof
  }
  return undefined
}

/** The event that an entry names by digest only. */
async function contentOf({ store, folder }: TreePlace, { digest }: { digest: string }) {
  const path = folder + contentPath(digest)
  const bytes = await store.read(path)
  const event = bytes && (JSON.parse(bytes.toString()) as Json)
  if (event === undefined || !isJsonObject(event)) throw brokenAt(store.place, path, 'it is missing, or not an event')
  return event
}
