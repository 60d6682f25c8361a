import { hashBytes } from '../tree/hash.ts'
import type { Signer, VerifierKey } from './keys.ts'
import { BadNote, type OpenedNote, openNote, signNote, splitNote } from './note.ts'

/** How far a tree goes (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Names the log, like a URL without its scheme. */
  origin: string
  size: number
  root: Buffer
}

/** Writes a checkpoint as a note, signed by every signer. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signers: readonly Signer[]): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, signers)
}

/**
 * Reads a checkpoint that a trusted key signed.
 *
 * @throws BadNote when it is malformed or nothing in it verifies
 */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): Checkpoint & Omit<OpenedNote, 'text'> {
  const { text, ...signatures } = openNote(note, keys)
  return { ...parseCheckpoint(text), ...signatures }
}

/** Reads what a checkpoint says, whoever signed it. @throws BadNote when it is malformed */
export function readCheckpoint(note: string): Checkpoint {
  return parseCheckpoint(splitNote(note).text)
}

function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', encoded = ''] = text.split('\n')
  const root = Buffer.from(encoded, 'base64')
  if (origin === '' || !/^(0|[1-9]\d{0,14})$/.test(size) || root.length !== hashBytes) {
    throw new BadNote('it is not a checkpoint: origin, size and root hash, one line each')
  }
  if (root.toString('base64') !== encoded) throw new BadNote('its root hash is not in standard base64')
  return { origin, size: Number(size), root }
}
