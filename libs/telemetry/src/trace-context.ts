import { randomBytes } from 'node:crypto'

const shape = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** True for a well-formed W3C `traceparent` of version 00. */
export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && shape.test(value)
}

/** A new W3C `traceparent`, for a call whose caller brought none. */
export function newTraceparent(): string {
  const id = randomBytes(24).toString('hex')
  return `00-${id.slice(0, 32)}-${id.slice(32)}-01`
}
