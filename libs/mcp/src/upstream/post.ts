import type { Json, JsonObject } from '@countersign/contracts'
import type { Dispatcher } from 'undici'
import {
  readRpcMessage,
  type RpcError,
  type RpcId,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
} from '../wire/json-rpc.ts'
import { SseReader } from '../wire/sse.ts'
import { withExactNumbers } from './exact-numbers.ts'

/** Parsers of clients stop at 200 and more, of the whole message that a result is in. */
const maxDepth = 128

/** How a request to a tool server ended. Only `result` and `rpc-error` are answers; of the rest, only `not-sent` is sure that nothing ran. */
export type UpstreamOutcome =
  | { kind: 'result'; result: JsonObject }
  | { kind: 'rpc-error'; error: RpcError; status: number }
  /** No connection: nothing reached the server. */
  | { kind: 'not-sent'; message: string }
  /** The server refused the HTTP request before looking at the call (4xx, or a redirect); `code` where it said why in JSON-RPC. */
  | { kind: 'refused'; status: number; message: string; code?: number }
  | { kind: 'timeout' }
  /** The connection broke, or the server failed (5xx), after the request was sent. */
  | { kind: 'died'; message: string }
  /** What came proves nothing of what became of the request. */
  | { kind: 'garbage'; message: string }
  /** The server says that it did what was asked, with what is no result. */
  | { kind: 'invalid-result'; message: string }
  /** The answer is larger than what is passed on; `size` says how, like `over 1024 bytes`. */
  | { kind: 'too-large'; size: string }
  | { kind: 'cancelled' }

/** One POST of a JSON-RPC request. */
export interface PostOptions {
  dispatcher: Dispatcher
  url: URL
  headers: Record<string, string>
  /** The whole message, already serialised. */
  body: string
  id: RpcId
  maxBytes: number
  signal: AbortSignal
  onNotification?: (notification: RpcNotification) => void
  /** Requests that the server makes of us in between; none is served. */
  onRequest?: (request: RpcRequest) => void
}

/** Sends one JSON-RPC request and reads its answer, from plain JSON or from an event stream. Never throws. */
export async function post(
  options: PostOptions,
): Promise<{ outcome: UpstreamOutcome; headers: Record<string, unknown> }> {
  let response: Dispatcher.ResponseData
  try {
    response = await options.dispatcher.request({
      origin: options.url.origin,
      path: options.url.pathname + options.url.search,
      method: 'POST',
      headers: options.headers,
      body: options.body,
      signal: options.signal,
    })
  } catch (error) {
    return { outcome: brokenOutcome(error, options.signal), headers: {} }
  }
  const { statusCode, headers, body } = response
  try {
    const type = String(headers['content-type'] ?? '')
      .split(';')[0]!
      .trim()
      .toLowerCase()
    if (statusCode === 200 && type === 'text/event-stream') return { outcome: await readStream(body, options), headers }
    const { text, whole } = await readText(body, options.maxBytes)
    if (!whole && statusCode === 200) return { outcome: cutOff(text, options.maxBytes), headers }
    return { outcome: readAnswer(response, type, text, options), headers }
  } catch (error) {
    return { outcome: brokenOutcome(error, options.signal, true), headers }
  }
}

function readAnswer(
  { statusCode: status, headers }: Dispatcher.ResponseData,
  type: string,
  text: string,
  { id, url }: PostOptions,
): UpstreamOutcome {
  const message = type === 'application/json' ? readRpcMessage(tryParse(text)) : undefined
  if (redirects.has(status)) return { kind: 'refused', status, message: redirected(status, headers.location, url) }
  if (message?.kind === 'error') {
    const { error } = message
    // What looks at the call answers under its id; what does not is in front of it.
    if (message.id === id || (message.id === null && status < 400)) return { kind: 'rpc-error', error, status }
    if (status < 400) return { kind: 'garbage', message: 'the answer is to another request' }
    if (status >= 500) return { kind: 'died', message: `the server failed with HTTP ${status}` }
    const words = error.message.slice(0, maxWords).toWellFormed()
    return { kind: 'refused', status, code: error.code, message: `${refusal(status, headers)}: ${words}` }
  }
  if (status >= 500) return { kind: 'died', message: `the server failed with HTTP ${status}` }
  if (status >= 400) return { kind: 'refused', status, message: refusal(status, headers) }
  if (status !== 200) return { kind: 'garbage', message: `HTTP ${status} is no answer to a request` }
  return readMessage(message, id, text) ?? { kind: 'garbage', message: `the answer is not JSON (${type || 'no type'})` }
}

/** What a message says of the request; undefined when there is none. */
function readMessage(message: RpcMessage | undefined, id: RpcId, text: string): UpstreamOutcome | undefined {
  if (message?.kind === 'result' && message.id === id) return answered(message.result, text)
  if (message?.kind === 'invalid') {
    const { reason, answers } = message
    return { kind: answers?.id === id && answers.member === 'result' ? 'invalid-result' : 'garbage', message: reason }
  }
  return message && { kind: 'garbage', message: 'the answer is to another request' }
}

function refusal(status: number, headers: Dispatcher.ResponseData['headers']): string {
  const { 'retry-after': after } = headers
  const when = typeof after === 'string' && /^\d{1,9}$/.test(after) ? `, and says to wait ${after} s` : ''
  return `the server refused with HTTP ${status}${when}`
}

/** Redirects that say that nothing was done; of 303 it is not known. */
const redirects = new Set([301, 302, 307, 308])
const maxShownUrl = 500
/** Of what a server says in refusing, as much goes into the record. */
const maxWords = 1000

/** What whoever wrote the document of the server has to know. A redirect is not followed: the token is for the address in the document. */
function redirected(status: number, location: unknown, url: URL): string {
  const to = typeof location === 'string' && URL.canParse(location, url.href) ? new URL(location, url) : undefined
  if (!to) return `the server redirects with HTTP ${status} and does not say where to`
  // Without its query, which may hold a key (I9).
  const where = (to.origin + to.pathname).slice(0, maxShownUrl)
  return `the server redirects to ${where} (HTTP ${status}), which is not followed; if that is where it is, write that url into its document`
}

/** What a message that is too long proves: one that begins as a result is one, and anything else may be anything. */
function cutOff(start: string, maxBytes: number): UpstreamOutcome {
  if (startOfResult.test(start)) return tooLarge(maxBytes)
  return { kind: 'garbage', message: `more than ${maxBytes} bytes came, and they do not begin as a result` }
}

/** Whatever is written first of the few members that a response has. */
const startOfResult = /^\s*\{\s*("jsonrpc"\s*:\s*"2\.0"\s*,\s*|"id"\s*:\s*(\d+|"[^"]*")\s*,\s*)*"result"\s*:/

/** @param text the message that the result came in */
function answered(result: JsonObject, text: string): UpstreamOutcome {
  if (isDeeper(result, maxDepth)) return { kind: 'too-large', size: `nested over ${maxDepth} deep` }
  return { kind: 'result', result: withExactNumbers(result, text) }
}

function tooLarge(maxBytes: number): UpstreamOutcome {
  return { kind: 'too-large', size: `over ${maxBytes} bytes` }
}

function isDeeper(value: Json, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1))
}

async function readStream(body: Dispatcher.ResponseData['body'], options: PostOptions): Promise<UpstreamOutcome> {
  const reader = new SseReader()
  const decoder = new TextDecoder()
  let bytes = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      const events = reader.push(decoder.decode(chunk, { stream: true }))
      if (reader.pending > options.maxBytes) return cutOff(reader.unfinished, options.maxBytes)
      for (const { data } of events) {
        if (data === '') continue
        const message = readRpcMessage(tryParse(data))
        if (message.kind === 'error' && message.id === options.id)
          return { kind: 'rpc-error', error: message.error, status: 200 }
        if (message.kind === 'invalid' || (message.kind === 'result' && message.id === options.id)) {
          const large = message.kind === 'result' && data.length > options.maxBytes
          return large ? tooLarge(options.maxBytes) : readMessage(message, options.id, data)!
        }
        if (message.kind === 'notification') options.onNotification?.(message.notification)
        if (message.kind === 'request') options.onRequest?.(message.request)
      }
      if (bytes > options.maxBytes) {
        return { kind: 'garbage', message: `more than ${options.maxBytes} bytes came, and no answer among them` }
      }
    }
  } finally {
    body.destroy()
  }
  return { kind: 'died', message: 'the stream ended before the answer' }
}

/** Reads a body up to a limit, and says whether that is all of it. */
async function readText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
): Promise<{ text: string; whole: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes <= maxBytes) continue
    body.destroy()
    break
  }
  return { text: Buffer.concat(chunks).toString('utf8'), whole: bytes <= maxBytes }
}

const notSentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'UND_ERR_CONNECT_TIMEOUT',
])

function brokenOutcome(error: unknown, signal: AbortSignal, answering = false): UpstreamOutcome {
  if (signal.aborted) return signal.reason === 'timeout' ? { kind: 'timeout' } : { kind: 'cancelled' }
  const { code, message } = error as { code?: string; message: string }
  if (!answering && code !== undefined && notSentCodes.has(code))
    return { kind: 'not-sent', message: `no connection (${code})` }
  return { kind: 'died', message: `the connection broke (${code ?? message})` }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
