import { createHmac, type KeyObject } from 'node:crypto'
import { canonicalJson, sha256 } from '../digest.ts'
import type { Json } from '../json.ts'

/** What stands where something was taken out. */
export const redactedMark = '[redacted]'

/** Where something that was taken out stood. */
export interface RedactedPlace {
  tenant: string
  stream: { created: string; seq: number }
  /** JSON Pointer into the event. */
  path: string
}

/**
 * The salt of one redaction, in hex. It is derived from a key that stays with audit, so it need not be kept, it is another one for every
 * place, and giving one away says nothing about the others. Without the key nothing can be proven any more.
 */
export function redactionSalt(key: Uint8Array | KeyObject, { tenant, stream, path }: RedactedPlace): string {
  const place = canonicalJson([tenant, stream.created, stream.seq, path])
  return createHmac('sha256', key).update(`countersign.dev/redaction/v1\n${place}`).digest('hex')
}

/** The digest that is sealed in place of a value: SHA-256 over the 32 bytes of the salt and the value's RFC 8785 form. */
export function redactionDigest(salt: string, value: Json): string {
  return saltedDigest(salt, canonicalJson(value))
}

/** The same, of a value that has been written in its RFC 8785 form. */
export function saltedDigest(salt: string, text: string): string {
  return sha256(Buffer.concat([Buffer.from(salt, 'hex'), Buffer.from(text)]))
}

/** True when a claimed original is what was taken out. */
export function isOriginal(redaction: { digest: string }, salt: string, claimed: Json): boolean {
  return redactionDigest(salt, claimed) === redaction.digest
}
