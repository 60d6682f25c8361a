import { checkInclusion } from '../tree/check-proof.ts'
import { hashBytes, leafHash } from '../tree/hash.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import type { VerifierKey } from './keys.ts'
import { BadNote } from './note.ts'

const magic = 'c2sp.org/tlog-proof@v1'

/** A proof that an entry is in a log (C2SP tlog-proof). */
export interface TlogProof {
  index: number
  proof: readonly Buffer[]
  /** The signed note. */
  checkpoint: string
}

/** Writes a proof as text. */
export function encodeTlogProof({ index, proof, checkpoint }: TlogProof): string {
  return `${[magic, `index ${index}`, ...proof.map((hash) => hash.toString('base64'))].join('\n')}\n\n${checkpoint}`
}

/** Reads a proof. @throws BadNote when it is malformed */
export function decodeTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n')
  const [first, ...rest] = text.slice(0, Math.max(0, split)).split('\n')
  if (first !== magic) throw new BadNote(`it is not a proof: it does not begin with ${magic}`)
  // Extra data is not authenticated, and nothing here needs any.
  const lines = rest[0]?.startsWith('extra ') ? rest.slice(1) : rest
  const [, index] = /^index (0|[1-9]\d{0,14})$/.exec(lines[0] ?? '') ?? []
  const proof = lines.slice(1).map((line) => Buffer.from(line, 'base64'))
  if (index === undefined || proof.some(({ length }) => length !== hashBytes)) {
    throw new BadNote('it is not a proof: an index and hashes are expected, one a line')
  }
  return { index: Number(index), proof, checkpoint: text.slice(split + 2) }
}

/**
 * Checks that an entry is in a log that one of the keys vouches for.
 *
 * @returns its place, how far the log went, and who says so
 * @throws BadNote, BadProof saying what is wrong
 */
export function checkTlogProof(
  text: string,
  entry: Uint8Array,
  keys: readonly VerifierKey[],
): { index: number; checkpoint: Checkpoint; signedBy: VerifierKey[] } {
  const { index, proof, checkpoint: note } = decodeTlogProof(text)
  const checkpoint = openCheckpoint(note, keys)
  checkInclusion(proof, index, leafHash(entry), checkpoint.size, checkpoint.root)
  return { index, checkpoint, signedBy: checkpoint.signedBy }
}
