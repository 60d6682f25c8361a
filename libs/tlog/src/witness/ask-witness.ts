import { readCheckpoint } from '../note/checkpoint.ts'
import { addSignatureLines, type Cosignature, readCosignatures } from '../note/cosignature.ts'
import type { VerifierKey } from '../note/keys.ts'
import { addCheckpoint, WitnessRefused } from './add-checkpoint.ts'

/** Thrown when a witness has seen a log that this one does not go on from: it was set back, or there are two of it. */
export class WitnessConflict extends Error {
  override name = 'WitnessConflict'
}

/** What a witness is asked. */
export interface AskOptions {
  url: URL
  /** The key it cosigns with. */
  key: VerifierKey
  /** The checkpoint. */
  note: string
  /** How far it had seen the log when it was last asked; where that is not known, 0, and it says so itself. */
  seen: number
  /** Proves that the checkpoint goes on from an earlier size. */
  prove: (older: number) => Promise<Buffer[]>
  timeoutMs: number
}

/** It says how far it has seen the log, is asked again, and somebody else may have asked in between. */
const maxAttempts = 3

/**
 * Has a witness cosign a checkpoint.
 *
 * @returns its cosignature and the line of it, which verifies
 * @throws WitnessConflict when it has seen another log under this name, WitnessRefused or Error when it does not cosign
 */
export async function askWitness(options: AskOptions): Promise<Cosignature & { line: string }> {
  const { url, key, note, prove, timeoutMs } = options
  const { size } = readCheckpoint(note)
  let old = Math.min(options.seen, size)
  for (let attempt = 1; ; attempt++) {
    const proof = old > 0 && old < size ? await prove(old) : []
    const answer = await addCheckpoint(url, { old, proof, note }, timeoutMs).catch((error: unknown) => {
      if (!(error instanceof WitnessRefused) || error.status !== 422) throw error
      throw new WitnessConflict(
        `it has seen ${old} entries that are not the first ${old} of this log: ${error.message}`,
        { cause: error },
      )
    })
    if ('lines' in answer) return cosignatureIn(answer.lines, note, key)
    if (answer.seen > size) {
      throw new WitnessConflict(
        `it has seen ${answer.seen} entries, and the log has ${size}: the log was set back, or there are two of it`,
      )
    }
    if (answer.seen === old) throw new WitnessConflict(`it has seen other ${old} entries than the first of this log`)
    if (attempt === maxAttempts) throw new Error('it goes on from another size each time; somebody else asks it, too')
    old = answer.seen
  }
}

function cosignatureIn(lines: readonly string[], note: string, key: VerifierKey) {
  for (const line of lines) {
    const [cosignature] = readCosignatures(addSignatureLines(note, [line]), [key])
    if (cosignature && line.startsWith(`— ${key.name} `)) return { ...cosignature, line }
  }
  throw new Error(`it answered without a cosignature by ${key.name}+${key.id}`)
}
