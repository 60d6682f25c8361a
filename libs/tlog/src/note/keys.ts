import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** Kinds of signatures: Ed25519 over the text (C2SP signed-note), and a witness's timestamped one (C2SP tlog-cosignature). */
export const signatureTypes = { ed25519: 0x01, cosignature: 0x04 } as const
export type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes]

/** What an Ed25519 public key has in front of it in its DER form (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const publicKeyBytes = 32

/** A key that signatures verify with: `<name>+<id, 8 hex digits>+<base64 of the type and the public key>`. */
export interface VerifierKey {
  name: string
  id: string
  type: SignatureType
  publicKey: KeyObject
  text: string
}

/** Signs notes under a name. */
export interface Signer {
  key: VerifierKey
  /** The signature, without the key's id. */
  sign(text: string): Buffer
}

/** A signer with an Ed25519 key. */
export function ed25519Signer(privateKey: KeyObject, name: string): Signer {
  const key = verifierKey(createPublicKey(privateKey), name)
  return { key, sign: (text) => sign(null, Buffer.from(text), privateKey) }
}

/** A witness: says by when it had seen a checkpoint that was consistent with all before (cosignature/v1). */
export function cosigner(privateKey: KeyObject, name: string, now: () => number = Date.now): Signer {
  const key = verifierKey(createPublicKey(privateKey), name, signatureTypes.cosignature)
  return {
    key,
    sign(text) {
      const time = BigInt(Math.floor(now() / 1000))
      const timestamp = Buffer.alloc(8)
      timestamp.writeBigUInt64BE(time)
      return Buffer.concat([timestamp, sign(null, cosigned(text, time), privateKey)])
    },
  }
}

/** The verifier key of a public key. */
export function verifierKey(
  publicKey: KeyObject,
  name: string,
  type: SignatureType = signatureTypes.ed25519,
): VerifierKey {
  if (!isKeyName(name)) throw new TypeError(`"${name}" cannot name a key: it is empty or has a space or a plus sign`)
  const der = publicKey.export({ format: 'der', type: 'spki' })
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('notes are signed with Ed25519 keys only')
  const bytes = Buffer.concat([Buffer.of(type), der.subarray(spkiPrefix.length)])
  const id = createHash('sha256').update(`${name}\n`).update(bytes).digest('hex').slice(0, 8)
  return { name, id, type, publicKey, text: `${name}+${id}+${bytes.toString('base64')}` }
}

/**
 * Reads a verifier key.
 *
 * @throws Error saying what is wrong with it
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = '', id, encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const type = Object.values(signatureTypes).find((each) => each === bytes[0])
  if (!isKeyName(name) || type === undefined || bytes.length !== 1 + publicKeyBytes) {
    throw new Error(`"${text.trim().slice(0, 100)}" is not a verifier key: <name>+<8 hex digits>+<base64>, Ed25519`)
  }
  const der = Buffer.concat([spkiPrefix, bytes.subarray(1)])
  const key = verifierKey(createPublicKey({ key: der, format: 'der', type: 'spki' }), name, type)
  if (key.id !== id) throw new Error(`the verifier key of ${name} says id ${id}, but its key has ${key.id}`)
  return key
}

/** True when a signature over a text is by a key. */
export function isSignedBy(text: string, signature: Buffer, { publicKey, type }: VerifierKey): boolean {
  if (type === signatureTypes.ed25519) return verify(null, Buffer.from(text), publicKey, signature)
  if (signature.length < 8) return false
  const time = signature.readBigUInt64BE(0)
  return verify(null, cosigned(text, time), publicKey, signature.subarray(8))
}

function cosigned(text: string, time: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
}

/** Names that can stand in a signature line and in a key. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\p{White_Space}\p{Cc}+]/u.test(name)
}
