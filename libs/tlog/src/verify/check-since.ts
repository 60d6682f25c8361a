import { LogBroken } from '../log/log-broken.ts'
import { TreeReader } from '../log/tree-reader.ts'
import { type Checkpoint, openCheckpoint, readCheckpoint } from '../note/checkpoint.ts'
import type { VerifierKey } from '../note/keys.ts'
import { BadNote } from '../note/note.ts'
import { openStore, type StoreLocation } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { BadProof, checkConsistency } from '../tree/check-proof.ts'
import { readListed } from './check-checkpoints.ts'
import type { TreeVerification } from './check-tree.ts'
import type { Problem } from './problem.ts'
import { keysForLog } from './trusted-keys.ts'

/** What is wrong with keys beside a tree is told when the log is verified. */
const toldBefore = () => {}

/** What was found of a log and a checkpoint of it that somebody kept. */
export interface SinceChecked {
  /** Of the checkpoint; absent where it could not be read. */
  origin?: string
  size?: number
  /** Folder of the tree that goes on from it; absent when none does. */
  folder?: string
  problems: Problem[]
}

interface Since {
  /** The signed note, and what it is called in problems. */
  note: string
  file: string
  /** Keys to trust; none: those that lie beside the tree, which proves less. */
  trusted: readonly VerifierKey[]
}

/**
 * Checks that a log goes on from a checkpoint that was kept elsewhere: that it has at least as many entries, and that the first of them are
 * those that were signed then. Only this shows that a log was set back as a whole.
 *
 * @param trees as `verifyLog` found them: what their newest checkpoints vouch for is what there is
 * @throws Error when the log cannot be read
 */
export async function checkSince(
  location: StoreLocation,
  trees: readonly TreeVerification[],
  { note, file, trusted }: Since,
): Promise<SinceChecked> {
  const problems: Problem[] = []
  const tell = (reason: string) => problems.push({ file, reason })
  const found: SinceChecked = { problems }
  const store = openStore(location)
  try {
    const { origin, size } = readCheckpoint(note)
    Object.assign(found, { origin, size })
    const tree = trees.find((each) => each.origin === origin)
    const keys =
      trusted.length > 0 || !tree ? keysForLog(origin, trusted) : await readListed(store, tree.folder, toldBefore)
    const saved = openCheckpoint(note, keys)
    if (!tree) {
      const there = trees.map((each) => each.origin).join(', ') || 'none that a checkpoint vouches for'
      tell(`it is of the log ${origin}, which is not here; here is ${there}`)
    } else {
      const reason = await whyNot(store, tree, saved)
      if (reason === undefined) found.folder = tree.folder
      else tell(reason)
    }
  } catch (error) {
    if (!(error instanceof BadNote)) throw error
    tell(error.message)
  } finally {
    await store.close()
  }
  return found
}

/** Why a tree does not go on from a checkpoint; undefined when it does. */
async function whyNot(store: Store, tree: TreeVerification, saved: Checkpoint): Promise<string | undefined> {
  if (saved.size > tree.size) {
    return `it is for ${saved.size} entries, and the log has ${tree.size}: the log was set back`
  }
  if (saved.size === 0) return undefined
  const newest = { size: tree.size, root: Buffer.from(tree.root, 'base64') }
  try {
    const reader = new TreeReader(store, tree.folder, () => tree.size)
    const proof = await reader.proveConsistency(saved.size, tree.size)
    checkConsistency(proof, saved, newest)
    return undefined
  } catch (error) {
    if (error instanceof LogBroken) return `whether the log goes on from it cannot be seen: ${error.message}`
    if (!(error instanceof BadProof)) throw error
    const root = saved.root.toString('base64')
    return `the log does not go on from it: its first ${saved.size} entries do not have the root hash ${root} that was signed then`
  }
}
