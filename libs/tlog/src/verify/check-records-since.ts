import { tenantOfOrigin } from '@countersign/contracts'
import { decodeJournal, type Journal, journalFile } from '../log/journal.ts'
import { loadEdge } from '../log/load-edge.ts'
import { emptyEdge, grow, type RightEdge, rootOf } from '../log/right-edge.ts'
import { TreeReader } from '../log/tree-reader.ts'
import { openCheckpoint } from '../note/checkpoint.ts'
import type { VerifierKey } from '../note/keys.ts'
import type { Store } from '../store/store.ts'
import { readNewest, type Vouched } from './check-checkpoints.ts'
import type { RecordChecker } from './check-records.ts'
import type { TreeStart } from './check-tree-start.ts'
import { findTrees } from './find-trees.ts'
import { readRecordFacts } from './record-facts.ts'

/** A log that goes on seals events for several tenants at once, not in one moment: it is looked at again so often. */
const [tries, betweenMs] = [10, 100]

/** A record that was sealed since reading began: where it comes from. */
export type SealedSince = { stream: string; seq: number; created: string }

/**
 * Adds what was sealed since the newest checkpoints were read, as long as events are missed. These checkpoints are of different moments
 * when the log goes on, or went on while it was copied: what a later one says is missing may be in a tree that was read earlier. What is
 * beyond its checkpoint counts as far as the journal goes, whose checkpoint is signed too: nothing can be slipped in that was not sealed.
 */
export async function checkRecordsSince(
  store: Store,
  starts: readonly TreeStart[],
  trusted: readonly VerifierKey[],
  records: RecordChecker,
): Promise<void> {
  const known = new Map(starts.map(({ folder, vouched }) => [folder, vouched]))
  for (let turn = 0; records.misses; turn++) {
    if (turn === tries) return
    if (turn > 0) await new Promise((resolve) => setTimeout(resolve, betweenMs))
    for (const folder of await findTrees(store)) {
      for (const each of await sealedSince(store, folder, known, trusted)) records.addSince(each)
    }
  }
}

/** What a tree has beyond the checkpoint that was read, or all of a tree that was begun since; none where nothing vouches for it. */
async function sealedSince(
  store: Store,
  folder: string,
  known: ReadonlyMap<string, Vouched | undefined>,
  trusted: readonly VerifierKey[],
): Promise<SealedSince[]> {
  const vouched = known.get(folder)
  const newest = vouched ?? (known.has(folder) ? undefined : await readNewest(store, folder, trusted, () => {}))
  const bytes = newest && (await store.read(folder + journalFile))
  if (!bytes) return []
  try {
    const { origin } = newest.checkpoint
    const journal = decodeJournal(bytes)
    // By a key that signed what was read: one that only lies beside the log vouches for nothing here.
    const sealed = openCheckpoint(journal.note, newest.signedBy)
    const { edge, since } = await growSince(store, folder, vouched?.checkpoint.size ?? 0, journal, origin)
    const start = vouched?.checkpoint
    const isSealed = sealed.origin === origin && edge.size === sealed.size && rootOf(edge).equals(sealed.root)
    return isSealed && (!start || start.size <= sealed.size) ? since : []
  } catch {
    // It is written on at this moment, or wrong; either way it says nothing of what is missed.
    return []
  }
}

/** Goes on from a tree of some size to that of a journal. */
async function growSince(store: Store, folder: string, size: number, journal: Journal, origin: string) {
  const tenant = tenantOfOrigin(origin)
  const since: SealedSince[] = []
  const reader = new TreeReader(store, folder, () => journal.from)
  let edge: RightEdge = size === 0 ? emptyEdge : await loadEdge(store, folder, size)
  const add = (entries: readonly Buffer[]) => {
    edge = grow(edge, entries).edge
    if (tenant === undefined) return
    for (const entry of entries) {
      const { stream, seq, created } = readRecordFacts(entry, tenant)
      since.push({ stream, seq, created })
    }
  }
  while (edge.size < journal.from) add((await reader.entriesFrom(edge.size)).entries)
  add(journal.entries.slice(edge.size - journal.from))
  return { edge, since }
}
