import { createHash, randomBytes } from 'node:crypto'

function format(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

/**
 * A UUIDv7 (RFC 9562 section 5.7).
 *
 * @param nowMs milliseconds since the epoch, put into the first 48 bits so that ids sort by time
 */
export function newCallId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return format(bytes)
}

/**
 * A UUIDv8 (RFC 9562 section 5.8) derived from who asks and their idempotency key: the same person asking again with the
 * same key names the same call, on every replica and after every restart.
 */
export function callIdFromKey(tenant: string, principal: string, key: string): string {
  const bytes = createHash('sha256')
    .update(JSON.stringify([tenant, principal, key]))
    .digest()
    .subarray(0, 16)
  bytes[6] = 0x80 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return format(bytes)
}

/** True for a call id made from an idempotency key; audit keeps the final event of such a call longer. */
export function isKeyedCallId(callId: string): boolean {
  return callId[14] === '8'
}

/** The time a UUIDv7 call id was made, in milliseconds since the epoch; undefined for a keyed id. */
export function callIdTimeMs(callId: string): number | undefined {
  return isKeyedCallId(callId) ? undefined : Number.parseInt(callId.slice(0, 8) + callId.slice(9, 13), 16)
}
