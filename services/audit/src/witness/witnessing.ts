import {
  addSignatureLines,
  askWitness,
  readCheckpoint,
  type Witness,
  WitnessConflict,
  type WitnessPolicy,
  WitnessRefused,
} from '@countersign/tlog'
import type { Tree } from '../log/tree.ts'

/** How far witnesses have cosigned a tree. */
export interface WitnessStanding {
  /** The newest size that enough of them cosigned; 0 for none since audit started. */
  size: number
  at: string | null
  /** Why it is not further. */
  problem?: string
}

export interface WitnessingOptions {
  trees: () => readonly Tree[]
  policy: () => Promise<WitnessPolicy>
  everyMs: number
  onCosigned: (witness: string) => void
  /** @param why `conflict`: it has seen another log under this name, which somebody must look into */
  onFailure: (witness: string, why: 'conflict' | 'refused' | 'unreachable') => void
  /** Told once for each problem that is new. */
  onProblem: (tenant: string, problem: string, conflict: boolean) => void
  now?: () => number
}

interface Given {
  key: Witness['key']
  line: string
}

const timeoutMs = 5000
/** A tree that does not grow is cosigned again after so long: a cosignature says by when. */
const againMs = 3600 * 1000
const treesAtOnce = 4

/** Has witnesses cosign the newest checkpoint of each tree now and then. Nothing waits for them: what they say is kept when it comes. */
export class Witnessing {
  readonly #options: Required<WitnessingOptions>
  /** By tenant: what each witness had seen, by its key, and where the tree stands. */
  readonly #seen = new Map<string, Map<string, number>>()
  readonly #standings = new Map<string, WitnessStanding>()
  readonly #problems = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: WitnessingOptions) {
    this.#options = { now: Date.now, ...options }
  }

  start(): void {
    this.#timer = setTimeout(() => void this.#loop(), 0)
  }

  /** Whoever is being asked is not waited for; what comes after is not kept. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  standing(tenant: string): WitnessStanding {
    return this.#standings.get(tenant) ?? { size: 0, at: null }
  }

  /** Entries of all trees that no witness has cosigned yet. */
  get unwitnessed(): number {
    return this.#options.trees().reduce((sum, { tenant, size }) => sum + size - this.standing(tenant).size, 0)
  }

  async #loop(): Promise<void> {
    await this.round()
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#loop(), this.#options.everyMs)
  }

  /** Has every tree cosigned that grew, or was not for long. */
  async round(): Promise<void> {
    const policy = await this.#options.policy()
    const trees = this.#options.trees().filter((tree) => this.#isDue(tree))
    const next = async (): Promise<void> => {
      for (let tree = trees.shift(); tree && !this.#stopped; tree = trees.shift()) await this.#cosign(tree, policy)
    }
    await Promise.all(Array.from({ length: treesAtOnce }, next))
  }

  #isDue({ tenant, size }: Tree): boolean {
    const standing = this.standing(tenant)
    if (standing.at === null || standing.size < size) return size > 0
    return this.#options.now() - Date.parse(standing.at) >= againMs
  }

  async #cosign(tree: Tree, policy: WitnessPolicy): Promise<void> {
    const { tenant } = tree
    try {
      const note = await tree.newestCheckpoint()
      const { size } = readCheckpoint(note)
      const asked = await Promise.all(policy.witnesses.map((witness) => this.#ask(tree, witness, note)))
      if (this.#stopped) return
      const given = asked.filter((answer): answer is Given => 'line' in answer)
      if (!policy.isMetBy(new Set(given.map(({ key }) => key)))) {
        const problems = asked.flatMap((answer) => ('problem' in answer ? [answer.problem] : []))
        throw new Error(`not enough for ${policy.quorum}: ${problems.join('; ')}`)
      }
      if (given.length > 0)
        await tree.keepCosigned(
          addSignatureLines(
            note,
            given.map(({ line }) => line),
          ),
        )
      this.#standings.set(tenant, { size, at: new Date(this.#options.now()).toISOString() })
      this.#problems.delete(tenant)
    } catch (error) {
      this.#tell(tenant, (error as Error).message, false)
    }
  }

  async #ask(tree: Tree, { name, key, url }: Witness, note: string): Promise<Given | { problem: string }> {
    const { tenant, reader } = tree
    const seen = this.#seen.get(tenant) ?? new Map<string, number>()
    this.#seen.set(tenant, seen)
    const { size } = readCheckpoint(note)
    try {
      const { line } = await askWitness({
        ...{ url: url!, key, note, timeoutMs },
        seen: seen.get(key.text) ?? 0,
        prove: (older) => reader.proveConsistency(older, size),
      })
      seen.set(key.text, size)
      this.#options.onCosigned(name)
      this.#problems.delete(`${tenant} ${name}`)
      return { key, line }
    } catch (error) {
      const conflict = error instanceof WitnessConflict
      this.#options.onFailure(name, conflict ? 'conflict' : error instanceof WitnessRefused ? 'refused' : 'unreachable')
      const problem = `witness ${name}: ${describe(error)}`
      if (conflict) this.#tell(tenant, problem, true, `${tenant} ${name}`)
      return { problem }
    }
  }

  #tell(tenant: string, problem: string, conflict: boolean, of = tenant): void {
    if (of === tenant) this.#standings.set(tenant, { ...this.standing(tenant), problem })
    if (this.#problems.get(of) === problem) return
    this.#problems.set(of, problem)
    this.#options.onProblem(tenant, problem, conflict)
  }
}

/** What fetch says of a connection is in its cause. */
function describe(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message !== '' ? `${message} (${cause.message})` : message
}
