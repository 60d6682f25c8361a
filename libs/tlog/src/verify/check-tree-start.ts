import { checkpointFile, keptFolder, witnessedFile } from '../log/files.ts'
import { journalFile } from '../log/journal.ts'
import type { VerifierKey } from '../note/keys.ts'
import type { Store } from '../store/store.ts'
import { type Kept, keptCheckpoints, readNewest, type Vouched } from './check-checkpoints.ts'
import type { Problem } from './problem.ts'

/** What vouches for a tree as it was when reading began; its log may go on. */
export interface TreeStart {
  folder: string
  kept: readonly Kept[]
  /** Has the checkpoints that are kept as they were when they were listed. */
  keptStore: Store
  /** Undefined when nothing vouches for the tree, which was told. */
  vouched: Vouched | undefined
}

/** How often, and how long after, a tree that has a journal only is looked at again: its first checkpoint is being written. */
const [firstTries, firstMs] = [20, 50]

/**
 * Reads what vouches for trees. First the checkpoints that are kept, of all trees, then the newest ones: a log that goes on meanwhile is
 * then never behind what was kept of it, and the newest ones are of nearly the same moment.
 */
export async function readTreeStarts(
  store: Store,
  folders: readonly string[],
  trusted: readonly VerifierKey[],
  tell: (problem: Problem) => void,
): Promise<TreeStart[]> {
  const listed: Omit<TreeStart, 'vouched'>[] = []
  for (const folder of folders) {
    const keptStore = steadyAt(store, folder + witnessedFile)
    listed.push({ folder, keptStore, kept: await keptCheckpoints(keptStore, folder, tell) })
  }
  for (const { folder } of listed) await untilBegun(store, folder)
  const starts: TreeStart[] = []
  for (const each of listed) starts.push({ ...each, vouched: await readNewest(store, each.folder, trusted, tell) })
  return starts
}

/** Waits a little for the first checkpoint of a tree that has nothing but a journal, and what follows from it, so far. */
async function untilBegun(store: Store, folder: string): Promise<void> {
  for (let turn = 0; turn < firstTries; turn++) {
    const names = await store.list(folder.slice(0, -1))
    if (names.includes(checkpointFile) || names.includes(`${keptFolder}/`) || !names.includes(journalFile)) return
    await new Promise((resolve) => setTimeout(resolve, firstMs))
  }
}

/** A store in which one file stays what it was when it was first read. */
function steadyAt(store: Store, path: string): Store {
  let first: Promise<Buffer | undefined> | undefined
  return {
    place: store.place,
    read: (asked) => (asked === path ? (first ??= store.read(path)) : store.read(asked)),
    readPart: (...asked) => store.readPart(...asked),
    readVersion: (asked) => store.readVersion(asked),
    list: (folder) => store.list(folder),
    write: (files) => store.write(files),
    swap: (...asked) => store.swap(...asked),
    removeFolder: (folder) => store.removeFolder(folder),
    claim: () => store.claim(),
    close: () => store.close(),
  }
}
