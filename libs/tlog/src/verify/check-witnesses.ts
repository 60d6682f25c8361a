import { witnessedFile } from '../log/files.ts'
import { type Cosignature, readCosignatures } from '../note/cosignature.ts'
import type { WitnessPolicy } from '../witness/witness-policy.ts'
import type { Kept } from './check-checkpoints.ts'
import type { Problem } from './problem.ts'

/** What witnesses say of a tree: that they had seen so much of it by then. */
export interface Witnessed {
  size: number
  /** When the last of them cosigned, by its own clock. */
  at: string
  by: string[]
}

/** Looks through the checkpoints of one tree for the newest that enough witnesses cosigned. */
export class WitnessChecker {
  readonly #policy: WitnessPolicy | undefined
  readonly #tell: (problem: Problem) => void
  #newest: Witnessed | undefined

  constructor(policy: WitnessPolicy | undefined, tell: (problem: Problem) => void) {
    this.#policy = policy
    this.#tell = tell
  }

  /** Looks at a checkpoint that is consistent with the tree. */
  add(note: string, { size, file }: Kept): void {
    if (!this.#policy) return
    try {
      const found = cosignaturesFor(note, this.#policy)
      if (!found || size < (this.#newest?.size ?? 0)) return
      this.#newest = { size, ...found }
    } catch (error) {
      this.#tell({ file, reason: (error as Error).message })
    }
  }

  /** The newest; that there is none is a problem where a policy asks for it. */
  end(folder: string): Witnessed | undefined {
    if (this.#policy && !this.#newest && !this.#policy.isMetBy(new Set())) {
      const reason = `no checkpoint of this tree is cosigned by ${this.#policy.quorum}: nobody else has seen it`
      this.#tell({ file: folder + witnessedFile, reason })
    }
    return this.#newest
  }
}

/**
 * Who cosigned a checkpoint, if that is enough for a policy.
 *
 * @throws BadNote when a cosignature by one of its witnesses does not verify
 */
export function cosignaturesFor(note: string, policy: WitnessPolicy): Omit<Witnessed, 'size'> | undefined {
  const found: Cosignature[] = readCosignatures(
    note,
    policy.witnesses.map(({ key }) => key),
  )
  if (found.length === 0 || !policy.isMetBy(new Set(found.map(({ key }) => key)))) return undefined
  const at = new Date(Math.max(...found.map(({ timeMs }) => timeMs))).toISOString()
  return { at, by: found.map(({ key }) => key.name) }
}
