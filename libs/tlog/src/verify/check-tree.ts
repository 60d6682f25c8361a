import { tenantOfOrigin } from '@countersign/contracts'
import { checkpointFile } from '../log/files.ts'
import type { Store } from '../store/store.ts'
import { Frontier } from '../tree/frontier.ts'
import { emptyRoot, hashBytes } from '../tree/hash.ts'
import { tilePath, tileWidth, widthAt } from '../tree/tile.ts'
import { checkKept, type Kept, type Vouched } from './check-checkpoints.ts'
import type { CheckedBundle, Roots } from './check-part.ts'
import type { TreeStart } from './check-tree-start.ts'
import { checkPartialTiles } from './check-partial-tiles.ts'
import type { RecordChecker } from './check-records.ts'
import { unpackFacts } from './pack-facts.ts'
import type { PartAnswer, PartCheckers } from './part-checkers.ts'
import type { Problem } from './problem.ts'
import { UpperTiles } from './upper-tiles.ts'
import { type Witnessed, WitnessChecker } from './check-witnesses.ts'
import type { WitnessPolicy } from '../witness/witness-policy.ts'

/** What was found of one tree. */
export interface TreeVerification {
  folder: string
  origin: string
  size: number
  root: string
  /** Checkpoints kept for good that were compared with it. */
  checkpoints: number
  signedBy: string[]
  /** The newest checkpoint that was cosigned as the witness policy asks; absent when no policy was given or none is. */
  witnessed?: Witnessed
}

export interface CheckTreeOptions {
  store: Store
  /** What vouches for it. */
  start: TreeStart
  witnesses?: WitnessPolicy | undefined
  checkers: PartCheckers
  records: RecordChecker
  tell: (problem: Problem) => void
  /** Told of entries that were read. */
  onProgress: (entries: number) => void
}

/** Bundles a thread is given at once: enough to be worth the way, few enough to be held in memory. */
const bundlesAtOnce = 16
/** A checkpoint may claim any size: a tree of which so much is not there is given up. */
const maxUnreadable = 1000
const heightOfTile = 8

/** Checks one tree: every entry, every tile, every checkpoint. */
export async function checkTree(asked: CheckTreeOptions): Promise<TreeVerification | undefined> {
  const wrong = new Set<string>()
  const tell = (problem: Problem) => {
    wrong.add(problem.file)
    asked.tell(problem)
  }
  const options = { ...asked, tell }
  const { store, start } = options
  const { folder, kept, vouched } = start
  if (!vouched) return undefined
  const { origin, size, root } = vouched.checkpoint
  for (const beyond of kept.filter((each) => each.size > size)) {
    tell({
      file: folder + checkpointFile,
      reason: `it is for ${size} entries, and one for ${beyond.size} was kept: the log was set back`,
    })
  }
  const witnesses = new WitnessChecker(options.witnesses, tell)
  witnesses.add(vouched.note, { size, file: folder + checkpointFile })
  const walk = new TreeWalk(
    options,
    vouched,
    kept.filter((each) => each.size <= size),
    witnesses,
  )
  await walk.all()
  await checkPartialTiles({ store, folder, size, tell, isWrong: (file) => wrong.has(file) })
  const witnessed = witnesses.end(folder)
  return {
    folder,
    origin,
    size,
    root: root.toString('base64'),
    checkpoints: kept.length,
    signedBy: vouched.signedBy.map(({ name, id }) => `${name}+${id}`),
    ...(witnessed ? { witnessed } : {}),
  }
}

/** The way through the bundles of a tree, in order, while threads look ahead. */
class TreeWalk {
  readonly #options: CheckTreeOptions
  readonly #vouched: Vouched
  readonly #kept: readonly Kept[]
  readonly #witnesses: WitnessChecker
  readonly #frontier = new Frontier()
  readonly #upper: UpperTiles
  /** How many kept checkpoints threads were asked about, and how many were compared. */
  #asked = 0
  #compared = 0
  #unreadable = 0

  constructor(options: CheckTreeOptions, vouched: Vouched, kept: readonly Kept[], witnesses: WitnessChecker) {
    this.#witnesses = witnesses
    this.#options = options
    this.#vouched = vouched
    this.#kept = kept
    this.#upper = new UpperTiles(options.store, options.start.folder, options.tell)
  }

  async all(): Promise<void> {
    const { checkers, tell } = this.#options
    const { folder } = this.#options.start
    const { size, origin, root } = this.#vouched.checkpoint
    const tenant = tenantOfOrigin(origin)
    const bundles = Math.ceil(size / tileWidth)
    const ahead: Promise<PartAnswer>[] = []
    let rest: Buffer | undefined
    for (let first = 0, asked = 0; first < bundles; first += bundlesAtOnce) {
      for (; asked < bundles && ahead.length < 2 * checkers.threads; asked += bundlesAtOnce) {
        const end = Math.min(bundles, asked + bundlesAtOnce)
        const kept = this.#keptUpTo(this.#asked, end * tileWidth)
        this.#asked += kept.length
        const sizes = [...new Set(kept.map((each) => each.size))]
        const answer = checkers.check({ folder, size, first: asked, end, sizes, tenant })
        // Waited for in its turn; until then a failure is not unhandled.
        answer.catch(() => {})
        ahead.push(answer)
      }
      rest = await this.#take(await ahead.shift()!)
      if (this.#unreadable < maxUnreadable) continue
      tell({
        file: folder,
        reason: `${this.#unreadable} bundles cannot be read; the rest of the tree was not looked at`,
      })
      return
    }
    await this.#upper.end()
    if (this.#frontier.root(rest).equals(root)) return
    tell({
      file: folder + checkpointFile,
      reason: `its root hash is not that of the ${size} entries that are here`,
    })
  }

  /** Kept checkpoints, from the one at a place on, that are not above a size. */
  #keptUpTo(place: number, most: number): readonly Kept[] {
    let end = place
    while (this.#kept[end] !== undefined && this.#kept[end]!.size <= most) end++
    return this.#kept.slice(place, end)
  }

  /** @returns the root of the bundle that is not full */
  async #take({ bundles, facts, problems }: PartAnswer): Promise<Buffer | undefined> {
    const { start, records, tell, onProgress } = this.#options
    const { folder } = start
    const { size } = this.#vouched.checkpoint
    for (const problem of problems) tell(problem)
    let rest: Buffer | undefined
    let place = 0
    for (const bundle of bundles) {
      const { index } = bundle
      const width = widthAt('entries', index, size)
      const roots = bundle.tileRoots ? await this.#judge(bundle, bundle.tileRoots) : bundle.roots
      if (!roots) this.#unreadable += 1
      // Where nothing can be read, what is above it helps to go on.
      const all = roots ? Buffer.from(roots.all) : ((await this.#upper.storedRoot(index, size)) ?? emptyRoot)
      await this.#compareKept(index * tileWidth + width, roots, all)
      if (width === tileWidth) {
        this.#frontier.add(all, heightOfTile)
        await this.#upper.add(all)
      } else rest = all
      const file = folder + tilePath('entries', index, width)
      for (let at = 0; at < width; at++) records.add(unpackFacts(facts, place++), file, index * tileWidth + at)
    }
    onProgress(place)
    return rest
  }

  /** Compares the checkpoints that were kept of sizes up to the end of a bundle, which is not added yet. */
  async #compareKept(end: number, roots: Roots | undefined, all: Buffer): Promise<void> {
    const { start, tell } = this.#options
    const compared = this.#keptUpTo(this.#compared, end)
    this.#compared += compared.length
    for (const kept of compared) {
      const first = roots?.first.find((each) => each.size === kept.size)
      if (!first && kept.size !== end) continue
      const root = this.#frontier.root(first ? Buffer.from(first.root) : all)
      const note = await checkKept(start.keptStore, kept, root, this.#vouched, tell)
      if (note !== undefined) this.#witnesses.add(note, kept)
    }
  }

  /**
   * Says which of entry and tile is wrong where they differ: what is above them vouches for one of the two.
   *
   * @returns the roots to go on with, so that what follows is not blamed as well
   */
  async #judge({ index, roots, mismatches }: CheckedBundle, tileRoots: Roots): Promise<Roots | undefined> {
    const { start, tell } = this.#options
    const { folder } = start
    const { size, root } = this.#vouched.checkpoint
    const width = widthAt('entries', index, size)
    const isAbove = async (all: Uint8Array) => {
      if (width === tileWidth) return (await this.#upper.storedRoot(index, size))?.equals(all) === true
      return this.#frontier.root(Buffer.from(all)).equals(root)
    }
    const tileIsWrong = !(await isAbove(tileRoots.all)) && roots !== undefined && (await isAbove(roots.all))
    for (const { entry, offset } of mismatches) {
      const [file, at, reason] = tileIsWrong
        ? [
            tilePath(0, index, width),
            (entry % tileWidth) * hashBytes,
            'its hash is not that of the entry, which is as it was sealed',
          ]
        : [
            tilePath('entries', index, width),
            offset,
            'the entry is not the one that was sealed: its hash is not the one in the tree',
          ]
      tell({ file: folder + file, entry, offset: at, reason })
    }
    return tileIsWrong ? roots : tileRoots
  }
}
