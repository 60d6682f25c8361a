import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Json } from '../json.ts'
import { type RedactedPlace, redactionSalt, saltedDigest } from './redaction.ts'

/**
 * A key of one subject, kind and period; whoever erases it erases what was encrypted with it. What is derived from it is derived once, as
 * key objects, which the platform works with five times as fast as with bytes.
 */
export interface SubjectKey {
  /** 16 random bytes in base64url: says nothing about the subject. */
  id: string
  /** The protected header of a JWE that it encrypts, as it stands there. */
  header: string
  salts: KeyObject
  content: KeyObject
  digests: KeyObject
}

/** What stands, in an opened record, where the key is gone. */
export const erasedMark = '[erased]'

const tagBytes = 16
const ivBytes = 12
const digestText = /^sha256:([0-9a-f]{64})$/
const wrappedDigest = /^a256kw:([\w-]{22}):([\w-]{54})$/

/**
 * Makes a key ready for use.
 *
 * @param id 16 random bytes in base64url
 * @param bytes 32 random bytes
 */
export function subjectKey(id: string, bytes: Uint8Array): SubjectKey {
  const derived = (purpose: string) =>
    createSecretKey(createHmac('sha256', bytes).update(`countersign.dev/${purpose}/v1`).digest())
  const header = Buffer.from(`{"alg":"dir","enc":"A256GCM","kid":"${id}"}`).toString('base64url')
  return { id, header, salts: derived('salts'), content: derived('content'), digests: derived('digests') }
}

/**
 * Encrypts what stands at a place of an event: a JWE in compact form (RFC 7516, `dir`, `A256GCM`). Its nonce is taken from the salted
 * digest of place and value: the same value at the same place gives the same text whenever it is sealed, no two values share
 * a nonce, and a text that was moved to another place does not open.
 *
 * @param text the RFC 8785 form of the value
 * @returns the JWE, and the salted digest, which a claimed original can be checked against while the key is there
 */
export function encryptValue(key: SubjectKey, place: RedactedPlace, text: string): { jwe: string; digest: string } {
  const digest = saltedDigest(redactionSalt(key.salts, place), text)
  const iv = nonceOf(digest)
  const cipher = createCipheriv('aes-256-gcm', key.content, iv)
  cipher.setAAD(Buffer.from(key.header))
  const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  const parts = [iv, encrypted, cipher.getAuthTag()].map((part) => part.toString('base64url'))
  return { jwe: [key.header, '', ...parts].join('.'), digest }
}

/**
 * Decrypts the value of a place.
 *
 * @param digest the salted digest that was sealed with it
 * @throws Error when it is not what was encrypted there, or not what the digest says
 */
export function decryptValue(
  key: SubjectKey,
  place: RedactedPlace,
  { jwe, digest }: { jwe: string; digest: string },
): Json {
  const [header = '', , ...parts] = jwe.split('.')
  const [iv, encrypted, tag] = parts.map((part) => Buffer.from(part, 'base64url'))
  if (parts.length !== 3 || iv!.length !== ivBytes || tag!.length !== tagBytes) throw new Error('it is not a JWE')
  const decipher = createDecipheriv('aes-256-gcm', key.content, iv!, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(header))
  decipher.setAuthTag(tag!)
  const text = Buffer.concat([decipher.update(encrypted!), decipher.final()]).toString()
  if (saltedDigest(redactionSalt(key.salts, place), text) !== digest) {
    throw new Error('it is not the value that was sealed at this place')
  }
  return JSON.parse(text) as Json
}

/** The id of the key that a JWE or a wrapped digest was made with; undefined for other texts. */
export function keyIdOf(text: string): string | undefined {
  const wrapped = wrappedDigest.exec(text)
  if (wrapped) return wrapped[1]
  try {
    const header = JSON.parse(Buffer.from(text.slice(0, text.indexOf('.')), 'base64url').toString()) as {
      kid?: unknown
    }
    return typeof header.kid === 'string' ? header.kid : undefined
  } catch {
    return undefined
  }
}

/** True for a digest that `wrapDigest` takes. */
export function isDigest(text: string): boolean {
  return digestText.test(text)
}

/**
 * Wraps an unsalted digest of something personal (AES key wrap, RFC 3394, with an initial value from the call), which could otherwise be
 * guessed at for ever. The events of a call have the same digest wrapped alike, so it still shows that what was approved is what was
 * executed.
 */
export function wrapDigest(key: SubjectKey, callId: string, digest: string): string {
  const [, hex] = digestText.exec(digest) ?? []
  if (hex === undefined) throw new Error('only a SHA-256 digest can be wrapped')
  const cipher = createCipheriv('id-aes256-wrap', key.digests, initialValueOf(callId))
  const wrapped = Buffer.concat([cipher.update(hex, 'hex'), cipher.final()])
  return `a256kw:${key.id}:${wrapped.toString('base64url')}`
}

/**
 * Reads a wrapped digest back.
 *
 * @throws Error when it was not wrapped with this key for this call
 */
export function unwrapDigest(key: SubjectKey, callId: string, text: string): string {
  const [, , wrapped] = wrappedDigest.exec(text) ?? []
  if (wrapped === undefined) throw new Error('it is not a wrapped digest')
  const decipher = createDecipheriv('id-aes256-wrap', key.digests, initialValueOf(callId))
  const bytes = Buffer.concat([decipher.update(wrapped, 'base64url'), decipher.final()])
  return `sha256:${bytes.toString('hex')}`
}

function nonceOf(digest: string): Buffer {
  return Buffer.from(digest.slice('sha256:'.length), 'hex').subarray(0, ivBytes)
}

/** The last eight bytes of a call's id, which are random. */
function initialValueOf(callId: string): Buffer {
  return Buffer.from(callId.replaceAll('-', '').slice(-16), 'hex')
}
