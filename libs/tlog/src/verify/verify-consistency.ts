import { type Checkpoint, openCheckpoint, readCheckpoint } from '../note/checkpoint.ts'
import type { VerifierKey } from '../note/keys.ts'
import { checkConsistency } from '../tree/check-proof.ts'
import { keysForLog } from './trusted-keys.ts'

/** That a log goes on from an earlier checkpoint of it (RFC 6962 section 2.1.2). */
export interface ConsistencyProof {
  /** The earlier checkpoint, a signed note. */
  earlier: string
  /** The newer one. */
  checkpoint: string
  /** Hashes, in base64. */
  proof: readonly string[]
}

export interface ProvenConsistency {
  origin: string
  earlier: { size: number; root: string }
  newer: { size: number; root: string }
  /** Who signed the newer one, of those that are trusted. */
  signedBy: string[]
}

/**
 * Verifies that the tree of one checkpoint is the beginning of that of another, with nothing but the two and the proof.
 *
 * @param trusted keys to trust, for the log that they name, or for every log where they name none
 * @throws Error saying what is wrong
 */
export function verifyConsistency(
  { earlier, checkpoint, proof }: ConsistencyProof,
  trusted: readonly VerifierKey[],
): ProvenConsistency {
  const { origin } = readCheckpoint(earlier)
  const keys = keysForLog(origin, trusted)
  const older = openCheckpoint(earlier, keys)
  const { signedBy, ...newer } = openCheckpoint(checkpoint, keys)
  if (newer.origin !== origin) throw new Error(`the newer checkpoint is of another log, ${newer.origin}`)
  checkConsistency(
    proof.map((hash) => Buffer.from(hash, 'base64')),
    older,
    newer,
  )
  return { origin, earlier: told(older), newer: told(newer), signedBy: signedBy.map(({ name, id }) => `${name}+${id}`) }
}

function told({ size, root }: Checkpoint): { size: number; root: string } {
  return { size, root: root.toString('base64') }
}
