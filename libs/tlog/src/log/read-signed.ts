import { type Checkpoint, openCheckpoint, readCheckpoint } from '../note/checkpoint.ts'
import type { VerifierKey } from '../note/keys.ts'
import { BadNote, splitNote } from '../note/note.ts'
import { brokenAt, notOurs } from './log-broken.ts'

/** A checkpoint of the log, and who signed it of those who were asked about. */
export interface Signed extends Checkpoint {
  signedBy: readonly VerifierKey[]
}

/** Whose checkpoint is read, and where it lies. */
export interface SignedPlace {
  origin: string
  /** Of those who sign. Keys that lie beside the log say nothing: who could write a checkpoint could write them, too. */
  keys: readonly VerifierKey[]
  place: string
  file: string
}

/**
 * Reads a checkpoint that is stored in a log, before the log goes on from it: what it vouches for is signed again with the next append.
 * Signatures of others, such as witnesses, are passed over.
 *
 * @throws LogBroken when none of the keys signed it, or it is malformed, changed or of another log
 */
export function readSigned(note: string, { origin, keys, place, file }: SignedPlace): Signed {
  try {
    const checkpoint = readCheckpoint(note)
    if (checkpoint.origin !== origin) throw new BadNote(`it is of another log, ${checkpoint.origin}`)
    const { signatures } = splitNote(note)
    if (!signatures.some(({ name, id }) => keys.some((key) => key.name === name && key.id === id))) {
      const by = signatures.map(({ name, id }) => `${name}+${id}`)
      throw notOurs(
        place,
        file,
        by,
        keys.map(({ name, id }) => `${name}+${id}`),
      )
    }
    return openCheckpoint(note, keys)
  } catch (error) {
    throw error instanceof BadNote ? brokenAt(place, file, error.message) : error
  }
}
