import type { Json, JsonObject } from '@countersign/contracts'
import type { Dispatcher } from 'undici'
import { readRpcMessage, type RpcError, type RpcId, type RpcNotification, type RpcRequest } from '../wire/json-rpc.ts'
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
  /** The server refused the HTTP request before looking at the call (4xx). */
  | { kind: 'refused'; status: number; message: string }
  | { kind: 'timeout' }
  /** The connection broke, or the server failed (5xx), after the request was sent. */
  | { kind: 'died'; message: string }
  | { kind: 'garbage'; message: string }
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
    const text = await readText(body, options.maxBytes)
    if (text === undefined) return { outcome: tooLarge(options.maxBytes), headers }
    return { outcome: readAnswer(statusCode, type, text, options.id), headers }
  } catch (error) {
    return { outcome: brokenOutcome(error, options.signal, true), headers }
  }
}

function readAnswer(status: number, type: string, text: string, id: RpcId): UpstreamOutcome {
  const message = type === 'application/json' ? readRpcMessage(tryParse(text)) : undefined
  if (message?.kind === 'error') return { kind: 'rpc-error', error: message.error, status }
  if (status >= 500) return { kind: 'died', message: `the server failed with HTTP ${status}` }
  if (status >= 400) return { kind: 'refused', status, message: `the server refused with HTTP ${status}` }
  if (status !== 200) return { kind: 'garbage', message: `HTTP ${status} is no answer to a request` }
  if (message?.kind === 'result' && message.id === id) return answered(message.result, text)
  if (message?.kind === 'result') return { kind: 'garbage', message: 'the answer is to another request' }
  return {
    kind: 'garbage',
    message: message?.kind === 'invalid' ? message.reason : `the answer is not JSON (${type || 'no type'})`,
  }
}

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
      // One event this large can only be the answer; many small ones say nothing of whether the tool ran.
      if (reader.pending > options.maxBytes) return tooLarge(options.maxBytes)
      for (const { data } of events) {
        if (data === '') continue
        if (data.length > options.maxBytes) return tooLarge(options.maxBytes)
        const message = readRpcMessage(tryParse(data))
        if (message.kind === 'result' && message.id === options.id) return answered(message.result, data)
        if (message.kind === 'error' && message.id === options.id)
          return { kind: 'rpc-error', error: message.error, status: 200 }
        if (message.kind === 'notification') options.onNotification?.(message.notification)
        if (message.kind === 'request') options.onRequest?.(message.request)
        if (message.kind === 'invalid') return { kind: 'garbage', message: message.reason }
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

/** Reads a body up to a limit; undefined when it is longer. */
async function readText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      body.destroy()
      return undefined
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
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
