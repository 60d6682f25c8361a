import type { IncomingHttpHeaders } from 'node:http'
import { CountersignError, isJsonObject } from '@countersign/contracts'
import { parseStrictJson, type RpcId, StrictJsonError } from '@countersign/mcp'

/**
 * Decodes the bytes of a body. Bytes that are no UTF-8 are refused and not replaced: what is decided on must be what was sent (I3).
 *
 * @throws CountersignError `parse_error`, or `unsupported_media_type` for a body in another charset or packed
 */
export function decodeBody(headers: IncomingHttpHeaders, bytes: Buffer): string {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new CountersignError('unsupported_media_type', 'the charset of the body must be UTF-8; send it as that')
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw new CountersignError('unsupported_media_type', 'the body is packed (Content-Encoding); send it as it is')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CountersignError('parse_error', 'the body holds bytes that are not UTF-8; send valid UTF-8')
  }
}

/**
 * Reads a body as strict JSON.
 *
 * @throws CountersignError `parse_error`
 */
export function parseBody(text: unknown): unknown {
  try {
    return parseStrictJson(typeof text === 'string' ? text : '')
  } catch (error) {
    if (error instanceof StrictJsonError) throw new CountersignError('parse_error', error.message)
    throw error
  }
}

/** The id of whatever was sent, for the error that answers it. */
export function idOf(body: unknown): RpcId | null {
  const id = isJsonObject(body) ? body.id : null
  return typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id)) ? id : null
}

/** The refusal of a body that the HTTP server did not hand over. */
export function unreadable(error: unknown): CountersignError {
  if (error instanceof CountersignError) return error
  const { code } = error as { code?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new CountersignError(
      'body_too_large',
      'the request body is over the limit; send less, or raise COUNTERSIGN_MAX_BODY_BYTES',
    )
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new CountersignError('unsupported_media_type', 'send the body as application/json')
  }
  return new CountersignError('invalid_request', 'the request could not be read')
}
