import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from './refusal.ts'

const localHost = /^(127\.0\.0\.1|localhost)(:\d{1,5})?$/i
const localOrigin = /^https?:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?$/i

/**
 * Checks who may speak at all: a Host of this machine (DNS rebinding), no foreign Origin, and the token where there is one.
 *
 * @throws Refusal with HTTP 403 or 401
 */
export function checkRequest(headers: IncomingHttpHeaders, token: string | undefined): void {
  if (!localHost.test(headers.host ?? '')) {
    throw new Refusal(403, -32003, 'the Host header is not this machine; use the address 127.0.0.1')
  }
  if (headers.origin !== undefined && !localOrigin.test(headers.origin)) {
    throw new Refusal(403, -32003, 'the Origin is not this machine; pages from elsewhere are not served')
  }
  if (token === undefined) return
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given === undefined || !sameText(given, token)) {
    throw new Refusal(401, -32001, 'the bearer token is missing or wrong; send the one of the token file', {
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
}

/** Compares in constant time, whatever the lengths. */
function sameText(left: string, right: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(left), hash(right))
}

/**
 * Checks the headers of a POST: a JSON body, and a client that takes both forms of answer (MCP 2025-11-25, Transports).
 *
 * @throws Refusal with HTTP 415 or 406
 */
export function checkPostHeaders(headers: IncomingHttpHeaders): void {
  if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new Refusal(415, -32600, 'the body must be sent as application/json')
  }
  const accept = headers.accept ?? ''
  if (!accepts(accept, 'application/json') || !accepts(accept, 'text/event-stream')) {
    throw new Refusal(406, -32600, 'the client must accept both application/json and text/event-stream')
  }
}

/** True when an Accept header takes a media type. */
export function accepts(header: string, type: string): boolean {
  const family = `${type.split('/')[0]}/*`
  return header.split(',').some((range) => [type, family, '*/*'].includes(range.split(';')[0]!.trim().toLowerCase()))
}
