import type { VerifierKey } from '../note/keys.ts'
import { openStore, type StoreLocation } from '../store/open-store.ts'
import { RecordChecker } from './check-records.ts'
import { checkRecordsSince } from './check-records-since.ts'
import { checkTree, type TreeVerification } from './check-tree.ts'
import { readTreeStarts } from './check-tree-start.ts'
import { findTrees } from './find-trees.ts'
import { PartCheckers } from './part-checkers.ts'
import type { Problem } from './problem.ts'
import type { WitnessPolicy } from '../witness/witness-policy.ts'

/** What was found of a log. */
export interface Verification {
  trees: TreeVerification[]
  /** Records that were read, and the calls they tell of. */
  records: number
  calls: { ended: number; open: number }
  /** What is wrong, the first of it; `problemCount` is how much there is. */
  problems: Problem[]
  problemCount: number
}

export interface VerifyOptions {
  /** Keys to trust, for the log that they name, or for every log where they name none; none: those that lie beside each tree, which proves less. */
  trusted?: readonly VerifierKey[]
  /** Who must have cosigned; none: cosignatures are not looked at. */
  witnesses?: WitnessPolicy | undefined
  /** Told now and then how many entries were read. */
  onProgress?: (entries: number) => void
}

const maxProblems = 100

/**
 * Verifies a log from its files alone: one tree, or a folder with a tree for each tenant. Memory does not grow with the log.
 * The log may go on meanwhile: it is verified as it was when its newest checkpoints were read.
 *
 * @throws NoLog for a place without one, Error when it cannot be read
 */
export async function verifyLog(location: StoreLocation, options: VerifyOptions = {}): Promise<Verification> {
  const store = openStore(location)
  const found: Verification = { trees: [], records: 0, calls: { ended: 0, open: 0 }, problems: [], problemCount: 0 }
  const tell = (problem: Problem) => {
    found.problemCount += 1
    if (found.problems.length < maxProblems) found.problems.push(problem)
  }
  const folders = await findTrees(store)
  // What another tree may have is not missed in one alone.
  const whole = !folders.includes('')
  const records = new RecordChecker(tell)
  const checkers = new PartCheckers(location)
  let entries = 0
  try {
    const { trusted = [] } = options
    const starts = await readTreeStarts(store, folders, trusted, tell)
    for (const start of starts) {
      records.beginTree()
      const tree = await checkTree({
        ...{ store, start, checkers, records, tell },
        witnesses: options.witnesses,
        onProgress: (count) => options.onProgress?.((entries += count)),
      })
      if (tree) found.trees.push(tree)
    }
    if (whole) await checkRecordsSince(store, starts, trusted, records)
  } finally {
    await checkers.close()
    await store.close()
  }
  records.end(whole)
  found.records = records.records
  found.calls = { ended: records.ended, open: records.open }
  return found
}
