import type { IncomingHttpHeaders } from 'node:http'
import { CountersignError, type ErrorCode, isJsonObject } from '@countersign/contracts'
import { parseStrictJson, requestIdOf, type RpcId, StrictJsonError } from '@countersign/mcp'

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

/** What was sent. */
export interface Sent {
  body: unknown
  /** The id to answer under; null when nothing was asked, or nobody knows under which. */
  id: RpcId | null
  /** Why the body is not taken although it is JSON; it is then only good for answering it. */
  refusal?: CountersignError
}

/**
 * Reads a body as strict JSON.
 *
 * @throws CountersignError `parse_error` for what is no JSON
 */
export function readBody(text: unknown): Sent {
  try {
    const body = parseStrictJson(typeof text === 'string' ? text : '')
    return { body, id: requestIdOf(body) }
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error
    const { message, read } = error
    if (!read) throw new CountersignError('parse_error', message)
    const { value, path } = read
    const id = path[0] === 'id' ? null : requestIdOf(value)
    return { body: value, id, refusal: new CountersignError(codeOf(value, path), message) }
  }
}

/** The code for what stands in a place of a message: arguments are the model's, and it is told as it is of others that do not fit. */
function codeOf(body: unknown, [member, part]: readonly string[]): ErrorCode {
  if (member !== 'params') return 'invalid_request'
  const ofTool = isJsonObject(body) && body.method === 'tools/call'
  return ofTool && part === 'arguments' ? 'invalid_arguments' : 'invalid_params'
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
