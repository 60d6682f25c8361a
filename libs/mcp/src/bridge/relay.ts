import { setTimeout as pause } from 'node:timers/promises'
import { readRpcMessage, type RpcId, type RpcRequest } from '../wire/json-rpc.ts'
import type { Exchange } from './exchange.ts'
import { memberSpan, replaceSpan } from './json-span.ts'
import { Refusal } from './refusal.ts'
import { Requests } from './requests.ts'

/** The revision that is spoken on both sides. */
export const revision = '2025-11-25'
const maxLogged = 8192
/** Requests in hand at once. */
const maxRequests = 16_384
const initializeTimeoutMs = 60_000
/** How long a withdrawn request is kept open for a child that answers it all the same. */
const cancelledMs = 10_000
const lookAgainMs = 20
/** Callers hear a moment later that the server is not to be called any more. */
const quietLooks = 10

/** What the child answered to `initialize`: the result's text as it came, and the revision it chose. */
export interface Initialized {
  result: string
  protocolVersion: string
}

/** Where messages go. */
export interface RelayOptions {
  /** Sends to the child; false when it cannot take more. */
  send: (message: string) => boolean
  /** Tells everybody who listens. */
  broadcast: (message: string) => void
  log: (line: string) => void
}

/** Carries JSON-RPC messages between many clients and one child; what it passes on it does not parse and write again (I3). */
export class Relay {
  readonly #options: RelayOptions
  readonly #requests = new Requests(maxRequests)
  readonly #initialized = Promise.withResolvers<Initialized>()
  #initializeId: number | undefined

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /** Initializes the child, once for all clients; rejects when it refuses or does not answer within a minute. */
  async initialize(): Promise<void> {
    const { promise, reject } = this.#initialized
    const timer = setTimeout(
      () => reject(new Error(`it did not answer initialize within ${initializeTimeoutMs} ms`)),
      initializeTimeoutMs,
    )
    this.#initializeId = this.#requests.ownId()
    const params = {
      protocolVersion: revision,
      capabilities: {},
      clientInfo: { name: 'countersign-stdio-bridge', version: '0.1.0' },
    }
    this.#options.send(JSON.stringify({ jsonrpc: '2.0', id: this.#initializeId, method: 'initialize', params }))
    await promise.finally(() => clearTimeout(timer))
    this.#options.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))
  }

  /** The child's answer to `initialize`, as soon as it is there. */
  get initialized(): Promise<Initialized> {
    return this.#initialized.promise
  }

  /**
   * Passes a client's request on; the answer arrives at the exchange.
   *
   * @param text the request's own text, from which the parameters are taken as they are
   * @throws Refusal when the id is in use or too much is waiting
   */
  request(session: string, { id: clientId, method, params }: RpcRequest, text: string, exchange: Exchange): void {
    const meta = params?._meta
    const token = typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? meta.progressToken : undefined
    const progressToken = typeof token === 'string' || typeof token === 'number' ? token : undefined
    const id = this.#requests.add({ session, clientId, progressToken, exchange, cancelled: false })
    if (id === 'repeated') throw new Refusal(400, -32600, 'a request with this id is in hand; use another id')
    if (id === 'full') throw new Refusal(429, -32003, 'too many requests are waiting for this server; ask again later')
    const span = memberSpan(text, 'params')
    let paramsText = span === undefined ? undefined : onOneLine(text.slice(span.start, span.end))
    if (paramsText !== undefined && progressToken !== undefined) paramsText = withProgressToken(paramsText, id)
    const sent = this.#options.send(
      `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${paramsText === undefined ? '' : `,"params":${paramsText}`}}`,
    )
    if (sent) return
    this.#requests.take(id)
    throw new Refusal(429, -32003, 'the server does not read its input; nothing was sent to it; ask again later')
  }

  /** Passes on that a session withdrew a request of its own; anything else is ignored, as the specification wants. */
  cancel(session: string, clientId: RpcId, reason: string | undefined): void {
    const id = this.#requests.idOf(session, clientId)
    const waiting = this.#requests.get(id)
    if (id === undefined || waiting === undefined || waiting.cancelled) return
    waiting.cancelled = true
    const params = { requestId: id, ...(reason === undefined ? {} : { reason }) }
    this.#options.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }))
    // The child may have finished before it heard: then its answer is the truth. If it stays silent, the exchange ends.
    setTimeout(() => {
      if (this.#requests.get(id) === waiting) this.#requests.take(id)?.exchange.end()
    }, cancelledMs).unref()
  }

  /** Takes a line that the child wrote. */
  onLine(raw: string): void {
    const line = onOneLine(raw)
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      // Not cut shorter: whoever keeps this log takes secrets out of it, and half of one would not be found (I9).
      this.#options.log(`skipped a line that is not JSON: ${line.slice(0, maxLogged)}`)
      return
    }
    const message = readRpcMessage(value)
    switch (message.kind) {
      case 'result':
      case 'error':
        return this.#answered(message.id, message.kind, line)
      case 'request':
        return this.#asked(message.request)
      case 'notification':
        return this.#notified(message.notification.method, message.notification.params?.progressToken, line)
      case 'invalid':
        // It did answer, and whoever asked judges what.
        if (message.answers) return this.#answered(message.answers.id, message.answers.member, line)
        return this.#options.log(`skipped a message: ${message.reason}`)
    }
  }

  /** Resolves when no request has waited for its answer for a moment, or after a while. */
  async quiet(withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs
    for (let looks = 0; looks < quietLooks && performance.now() < untilMs; looks++) {
      if (this.#requests.size > 0) looks = 0
      await pause(lookAgainMs)
    }
  }

  /** Breaks every connection that waits for an answer: none will come. */
  breakAll(): void {
    for (const { exchange } of this.#requests.takeAll()) exchange.break()
  }

  #answered(id: RpcId | null, kind: 'result' | 'error', line: string): void {
    const span = memberSpan(line, kind)
    const content = span === undefined ? '{}' : line.slice(span.start, span.end)
    if (id !== null && id === this.#initializeId) return this.#childInitialized(kind, content)
    const waiting = this.#requests.take(id)
    if (waiting)
      waiting.exchange.answer(`{"jsonrpc":"2.0","id":${JSON.stringify(waiting.clientId)},"${kind}":${content}}`)
    else this.#options.log('skipped an answer that nobody waits for')
  }

  #childInitialized(kind: 'result' | 'error', content: string): void {
    this.#initializeId = undefined
    const { protocolVersion } = (JSON.parse(content) ?? {}) as { protocolVersion?: unknown }
    if (kind === 'result' && typeof protocolVersion === 'string')
      this.#initialized.resolve({ result: content, protocolVersion })
    else this.#initialized.reject(new Error(`it refused initialize: ${content.slice(0, maxLogged)}`))
  }

  /** Requests of the child: the bridge declared no capabilities, so there is nothing it may ask for but a ping. */
  #asked({ id, method }: RpcRequest): void {
    const answer =
      method === 'ping'
        ? { result: {} }
        : {
            error: {
              code: -32601,
              message: `${method.slice(0, 100)} is not served: the bridge declares no client capabilities`,
            },
          }
    this.#options.send(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  }

  #notified(method: string, progressToken: unknown, line: string): void {
    if (method === 'notifications/cancelled') return
    if (method !== 'notifications/progress') return this.#options.broadcast(line)
    const waiting = typeof progressToken === 'number' ? this.#requests.get(progressToken) : undefined
    const params = memberSpan(line, 'params')
    const token = params && memberSpan(line, 'progressToken', params.start)
    if (waiting?.progressToken === undefined || !token) return
    waiting.exchange.notify(replaceSpan(line, token, JSON.stringify(waiting.progressToken)))
  }
}

function withProgressToken(params: string, token: number): string {
  const meta = memberSpan(params, '_meta')
  const span = meta && memberSpan(params, 'progressToken', meta.start)
  return span ? replaceSpan(params, span, String(token)) : params
}

/** A message is a line; outside of strings JSON may hold line ends, and inside it cannot. */
function onOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, ' ') : text
}
