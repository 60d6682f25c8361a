import { isSignedBy, signatureTypes, type VerifierKey, verifierKey } from './keys.ts'
import { BadNote, splitNote } from './note.ts'

/** What a witness says: that it had seen a checkpoint by some time, and nothing that contradicts it. */
export interface Cosignature {
  key: VerifierKey
  /** By the clock of the witness, in milliseconds. */
  timeMs: number
}

/** The key that a witness cosigns with; in lists of witnesses it may stand as a plain Ed25519 key. */
export function cosignatureKey({ publicKey, name }: VerifierKey): VerifierKey {
  return verifierKey(publicKey, name, signatureTypes.cosignature)
}

/**
 * Reads the cosignatures (C2SP tlog-cosignature) of some witnesses on a checkpoint; lines of others are passed over.
 *
 * @param keys of type cosignature
 * @throws BadNote when the note is malformed, or a cosignature by one of the keys does not verify
 */
export function readCosignatures(note: string, keys: readonly VerifierKey[]): Cosignature[] {
  const { text, signatures } = splitNote(note)
  const found = new Map<VerifierKey, number>()
  for (const { name, id, signature } of signatures) {
    const key = keys.find((each) => each.name === name && each.id === id)
    if (!key) continue
    if (!isSignedBy(text, signature, key))
      throw new BadNote(`the cosignature of ${name} (key ${id}) does not verify: the text was changed or forged`)
    found.set(key, Math.max(found.get(key) ?? 0, Number(signature.readBigUInt64BE(0)) * 1000))
  }
  return [...found].map(([key, timeMs]) => ({ key, timeMs }))
}

/**
 * Adds signature lines to a note; a line of a key that signed already takes the place of the earlier one.
 *
 * @throws BadNote when the note is malformed
 */
export function addSignatureLines(note: string, lines: readonly string[]): string {
  const { text } = splitNote(note)
  const byKey = new Map<string, string>()
  for (const line of [...note.slice(text.length + 1, -1).split('\n'), ...lines]) byKey.set(keyOfLine(line), line)
  return `${text}\n${[...byKey.values()].map((line) => `${line}\n`).join('')}`
}

/** Name and id: the first four bytes of what is signed with. */
function keyOfLine(line: string): string {
  const [, name, encoded = ''] = line.split(' ')
  return `${name}+${Buffer.from(encoded, 'base64').toString('hex', 0, 4)}`
}
