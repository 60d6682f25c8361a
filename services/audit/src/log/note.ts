import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/**
 * Signed notes (C2SP signed-note, as golang.org/x/mod/sumdb/note reads and writes them), Ed25519 only.
 */
const algorithmEd25519 = 0x01
/** What an Ed25519 public key has in front of it in its DER form (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The verifier key of a signer: `<name>+<key hash, 8 hex digits>+<base64 of 0x01 and the public key>`. */
export function verifierKey(publicKey: KeyObject, name: string): string {
  const key = keyBytes(publicKey)
  return `${name}+${keyHash(name, key).toString('hex')}+${key.toString('base64')}`
}

/**
 * Signs a text.
 *
 * @param text must end in a line feed
 */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  if (!text.endsWith('\n')) throw new TypeError('the text of a note must end in a line feed')
  const hash = keyHash(name, keyBytes(createPublicKey(privateKey)))
  const signature = Buffer.concat([hash, sign(null, Buffer.from(text), privateKey)])
  return `${text}\n— ${name} ${signature.toString('base64')}\n`
}

/**
 * Reads a note back.
 *
 * @param key a verifier key, as `verifierKey` writes it
 * @returns the signed text
 * @throws Error when the note is malformed or no signature by that key verifies
 */
export function openNote(note: string, key: string): string {
  const [, name, hashHex, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(key.trim()) ?? []
  const bytes = Buffer.from(encoded ?? '', 'base64')
  if (
    !name ||
    bytes.length !== 33 ||
    bytes[0] !== algorithmEd25519 ||
    keyHash(name, bytes).toString('hex') !== hashHex
  ) {
    throw new Error('this is not a verifier key for Ed25519')
  }
  const split = note.lastIndexOf('\n\n')
  if (split < 0) throw new Error('this is not a signed note: no empty line before the signatures')
  const text = note.slice(0, split + 1)
  const publicKey = createPublicKey({
    key: Buffer.concat([spkiPrefix, bytes.subarray(1)]),
    format: 'der',
    type: 'spki',
  })
  for (const line of note.slice(split + 2).split('\n')) {
    const [dash, signer, encodedSignature] = line.split(' ')
    const signature = Buffer.from(encodedSignature ?? '', 'base64')
    if (dash !== '—' || signer !== name || signature.subarray(0, 4).toString('hex') !== hashHex) continue
    if (verify(null, Buffer.from(text), publicKey, signature.subarray(4))) return text
    throw new Error(`the signature of ${name} does not verify`)
  }
  throw new Error(`no signature of ${name} with this key`)
}

function keyBytes(publicKey: KeyObject): Buffer {
  const der = publicKey.export({ format: 'der', type: 'spki' })
  return Buffer.concat([Buffer.of(algorithmEd25519), der.subarray(spkiPrefix.length)])
}

function keyHash(name: string, key: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(key).digest().subarray(0, 4)
}
