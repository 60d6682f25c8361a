import { isKeyName, isSignedBy, type Signer, type VerifierKey } from './keys.ts'

/** Thrown for a note that is malformed or does not verify. */
export class BadNote extends Error {
  override name = 'BadNote'
}

const maxNoteBytes = 1024 * 1024
const maxSignatures = 100

/** A note that was opened. */
export interface OpenedNote {
  text: string
  /** Whose signatures verified, each key once. */
  signedBy: VerifierKey[]
  /** Names of signatures by keys that are not known; nothing is known about them. */
  unknown: string[]
}

/**
 * Signs a text with every signer (C2SP signed-note).
 *
 * @param text must end in a line feed
 */
export function signNote(text: string, signers: readonly Signer[]): string {
  if (!isNoteText(text)) {
    throw new TypeError('the text of a note must end in a line feed and have no other control characters')
  }
  return `${text}\n${signers.map((signer) => signatureLine(text, signer)).join('')}`
}

/** Adds a signature to a note, such as that of a witness. */
export function addSignature(note: string, signer: Signer): string {
  const { text } = splitNote(note)
  return note + signatureLine(text, signer)
}

/**
 * Reads a note that at least one of the keys signed. A signature by a known key that does not verify spoils the note; those by
 * other keys are passed over, as the specification wants it.
 *
 * @throws BadNote when it is malformed, or nothing in it verifies
 */
export function openNote(note: string, keys: readonly VerifierKey[]): OpenedNote {
  const { text, signatures } = splitNote(note)
  const signedBy = new Set<VerifierKey>()
  const unknown: string[] = []
  for (const { name, id, signature } of signatures) {
    const key = keys.find((each) => each.name === name && each.id === id)
    if (!key) unknown.push(`${name}+${id}`)
    else if (isSignedBy(text, signature, key)) signedBy.add(key)
    else throw new BadNote(`the signature of ${name} (key ${id}) does not verify: the text was changed or forged`)
  }
  if (signedBy.size === 0) {
    const by = unknown.length > 0 ? `only by ${unknown.join(', ')}` : 'by nobody'
    throw new BadNote(`no trusted key signed it; it is signed ${by}, and trusted are ${namesOf(keys)}`)
  }
  return { text, signedBy: [...signedBy], unknown }
}

function namesOf(keys: readonly VerifierKey[]): string {
  return keys.map(({ name, id }) => `${name}+${id}`).join(', ') || 'none'
}

/**
 * Takes a note apart without looking at its signatures.
 *
 * @throws BadNote when it is malformed
 */
export function splitNote(note: string): {
  text: string
  signatures: { name: string; id: string; signature: Buffer }[]
} {
  if (note.length > maxNoteBytes) throw new BadNote(`it is longer than ${maxNoteBytes} bytes`)
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw new BadNote('it is not a signed note: text, an empty line, signatures')
  const text = note.slice(0, split + 1)
  if (!isNoteText(text)) throw new BadNote('its text has control characters')
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > maxSignatures) throw new BadNote(`it has more than ${maxSignatures} signatures`)
  return { text, signatures: lines.map(parseSignature) }
}

function parseSignature(line: string) {
  const [, name = '', encoded = ''] = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  if (!isKeyName(name) || bytes.length < 5) throw new BadNote('a line after the text is not a signature')
  return { name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) }
}

function signatureLine(text: string, { key, sign }: Signer): string {
  const signature = Buffer.concat([Buffer.from(key.id, 'hex'), sign(text)])
  return `— ${key.name} ${signature.toString('base64')}\n`
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text.isWellFormed() && !/[^\P{Cc}\n]/u.test(text)
}
