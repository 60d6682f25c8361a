/**
 * A client of one tool server, for both eras.
 *
 * File map: post.ts (one request and its answer) · tool-list.ts (the inventory) · notices.ts (listening for changed tools) · credentials.ts,
 * known-secrets.ts, redact-secrets.ts (what we send, and what must not come back). Raw on purpose: a call costs one
 * serialisation and one parse, and its arguments travel as the very text whose digest was approved (I3).
 */
import { isJsonObject, type JsonObject } from '@countersign/contracts'
import { Agent } from 'undici'
import { type Era, legacyEra, metaKeys, modernEra } from '../wire/era.ts'
import { encodeHeaderValue } from '../wire/header-value.ts'
import type { RpcNotification, RpcRequest } from '../wire/json-rpc.ts'
import { paramHeadersOf, readParamHeaders } from '../wire/param-headers.ts'
import { type CredentialFiles, Credentials } from './credentials.ts'
import { KnownSecrets } from './known-secrets.ts'
import { listenForToolChanges } from './notices.ts'
import { post, type PostOptions, type UpstreamOutcome } from './post.ts'
import { redactOutcome, redactSecrets } from './redact-secrets.ts'
import { ToolGatherer, type ToolList } from './tool-list.ts'

export interface UpstreamOptions extends CredentialFiles {
  url: string
  /** Secrets that are taken out of all that the server answers; those of the files are added (I9). */
  secrets?: KnownSecrets
  clientInfo: { name: string; version: string }
  maxResultBytes: number
  timeoutMs: number
  /** The era, where it is known already; else it is found out. */
  era?: Era
  /** Connections at once. */
  maxConnections?: number
}

/** What a server said of itself. */
export interface ServerHello {
  era: Era
  protocolVersion: string
  serverInfo: { name: string; version: string }
  instructions?: string
  capabilities: JsonObject
}

/** One call of a tool. */
export interface ToolCall {
  name: string
  /** The arguments as canonical JSON text, sent byte for byte (I3). */
  argumentsText: string
  /** The tool's input schema, for the arguments that it wants mirrored in headers (modern era). */
  inputSchema?: JsonObject | undefined
  timeoutMs: number
  traceparent?: string | undefined
  /** Told of progress; without it none is asked for. */
  onProgress?: (params: JsonObject) => void
  /** Aborting asks the server to stop, then lets go. */
  signal?: AbortSignal
}

/** Thrown by `connect` and `listTools`, with a message for the registry. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
}

const maxPages = 200
/** How long a server that was asked to cancel may still answer, within the time limit of the call: what it answers is known, and else nothing is. */
const cancelGraceMs = 10_000
/** Codes with which transports refuse a session that they do not know: the official SDKs send these three. */
const sessionCodes = new Set([-32000, -32001, -32600])

/** A connection to one tool server; calls run side by side over kept-alive connections. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #url: URL
  readonly #agent: Agent
  #hello: ServerHello | undefined
  #connecting: Promise<ServerHello> | undefined
  #sessionId: string | undefined
  readonly #credentials: Credentials
  readonly #secrets: KnownSecrets
  #lastId = 0
  #notices: { stop: () => void } | undefined
  readonly #inHand = new Set<Promise<UpstreamOutcome>>()

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#secrets = options.secrets ?? new KnownSecrets()
    this.#credentials = new Credentials(options, this.#secrets)
    this.#agent = new Agent({
      connections: options.maxConnections ?? 128,
      // Responses are bounded by this client's own clock and byte count.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: Math.min(5000, options.timeoutMs) },
    })
  }

  /**
   * Shakes hands: agrees on the era and, for the legacy one, opens a session. Concurrent callers share one handshake.
   *
   * @throws UpstreamError saying what the server did instead
   */
  connect(): Promise<ServerHello> {
    this.#connecting ??= this.#handshake().catch((error: unknown) => {
      this.#connecting = undefined
      throw error
    })
    return this.#connecting
  }

  async #handshake(): Promise<ServerHello> {
    await this.#credentials.look(true).catch((error: Error) => {
      throw new UpstreamError(error.message, { cause: error })
    })
    this.#hello = this.#options.era === legacyEra ? await this.#initialize() : await this.#discover()
    return this.#hello
  }

  /** Asks the modern way; a server that does not know it is asked the legacy way. */
  async #discover(): Promise<ServerHello> {
    const outcome = await this.#request(modernEra, 'server/discover', {}, this.#options.timeoutMs)
    if (outcome.kind === 'result' && Array.isArray(outcome.result.supportedVersions)) {
      const { result } = outcome
      const versions = result.supportedVersions as unknown[]
      if (!versions.includes(modernEra))
        throw new UpstreamError(`the server speaks none of our revisions but ${versions.join(', ')}`)
      const meta = isJsonObject(result._meta) ? result._meta : {}
      return helloOf(modernEra, modernEra, {
        ...result,
        serverInfo: meta[metaKeys.serverInfo] ?? result.serverInfo ?? null,
      })
    }
    if (outcome.kind === 'not-sent' || outcome.kind === 'timeout') throw handshakeError(outcome)
    if (this.#options.era === modernEra) throw handshakeError(outcome)
    return this.#initialize()
  }

  async #initialize(): Promise<ServerHello> {
    const params = { protocolVersion: legacyEra, capabilities: {}, clientInfo: this.#options.clientInfo }
    const outcome = await this.#request(legacyEra, 'initialize', params, this.#options.timeoutMs)
    if (outcome.kind !== 'result') throw handshakeError(outcome)
    const version = outcome.result.protocolVersion
    if (typeof version !== 'string')
      throw new UpstreamError('the server answered initialize without a protocol version')
    const hello = helloOf(legacyEra, version, outcome.result)
    this.#hello = hello
    await this.#notify('notifications/initialized', {})
    return hello
  }

  /**
   * The full inventory, all pages; tools that are not valid apart from the others.
   *
   * @param pinned names of tools that are told of whenever they are not valid; of others only the first are
   * @throws UpstreamError for a server that does not answer, answers nonsense or never stops paging
   */
  async listTools(pinned: ReadonlySet<string> = new Set()): Promise<ToolList> {
    const { era } = await this.connect()
    const gatherer = new ToolGatherer(pinned, era)
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      const outcome = await this.#request(
        era,
        'tools/list',
        cursor === undefined ? {} : { cursor },
        this.#options.timeoutMs,
      )
      if (outcome.kind !== 'result') throw handshakeError(outcome, 'tools/list')
      if (!Array.isArray(outcome.result.tools)) throw new UpstreamError('tools/list came back without a list of tools')
      for (const tool of outcome.result.tools) gatherer.add(tool)
      const next = outcome.result.nextCursor
      if (typeof next !== 'string' || next === '') return gatherer.list
      cursor = next
    }
    throw new UpstreamError(`tools/list did not end after ${maxPages} pages`)
  }

  /** Calls a tool and tells how it ended; never throws. A session that the server forgot is opened anew, once. */
  async callTool(call: ToolCall): Promise<UpstreamOutcome> {
    const outcome = this.#call(call)
    this.#inHand.add(outcome)
    try {
      return await outcome
    } finally {
      this.#inHand.delete(outcome)
    }
  }

  async #call(call: ToolCall): Promise<UpstreamOutcome> {
    let hello: ServerHello
    try {
      await this.#credentials.look()
      hello = await this.connect()
    } catch (error) {
      return { kind: 'not-sent', message: (error as Error).message }
    }
    const session = this.#sessionId
    const token = this.#credentials.token
    let outcome = await this.#sendCall(hello.era, call)
    if (isUnauthorized(outcome)) {
      // A token that was replaced a moment ago: refused before it was looked at, so sending the call is the first time (I6).
      await this.#credentials.look(true).catch(() => {})
      if (this.#credentials.token !== token) outcome = await this.#sendCall(hello.era, call)
    }
    if (session === undefined || !isSessionRefused(outcome)) return outcome
    this.#forget(session)
    return this.connect().then(
      ({ era }) => this.#sendCall(era, call),
      (error: unknown) => ({ kind: 'not-sent', message: (error as Error).message }),
    )
  }

  /** Of all that learn at once that a session was lost, the first opens the new one. */
  #forget(session: string): void {
    if (this.#sessionId !== session) return
    this.#sessionId = undefined
    this.#connecting = undefined
  }

  async #sendCall(era: Era, call: ToolCall): Promise<UpstreamOutcome> {
    if (call.signal?.aborted) return { kind: 'not-sent', message: 'the caller withdrew before' }
    const id = ++this.#lastId
    const meta: JsonObject = {
      ...(era === modernEra ? this.#envelope() : {}),
      ...(call.onProgress ? { progressToken: id } : {}),
      ...(call.traceparent ? { traceparent: call.traceparent } : {}),
    }
    const metaText = Object.keys(meta).length > 0 ? `,"_meta":${JSON.stringify(meta)}` : ''
    const name = JSON.stringify(call.name)
    // Assembled by hand so that the approved text of the arguments is what is sent (I3).
    const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":${name},"arguments":${call.argumentsText}${metaText}}}`
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort('timeout'), call.timeoutMs)
    const onCancel = () => {
      if (era === modernEra) abort.abort('cancelled')
      else {
        void this.#notify('notifications/cancelled', { requestId: id, reason: 'the caller withdrew' })
        setTimeout(() => abort.abort('cancelled'), cancelGraceMs).unref()
      }
    }
    call.signal?.addEventListener('abort', onCancel, { once: true })
    try {
      const { outcome } = await this.#post({
        headers: { ...this.#headers(era, 'tools/call', call.name), ...(era === modernEra ? paramHeaders(call) : {}) },
        body,
        id,
        maxBytes: this.#options.maxResultBytes,
        signal: abort.signal,
        onNotification: (notification) => {
          const progress = call.onProgress && progressOf(notification, id)
          if (progress) call.onProgress?.(redactSecrets(progress, this.#secrets.list))
        },
        onRequest: (request) => void this.#refuse(request),
      })
      // Having been asked to stop, a server may well end without an answer, or never.
      const silent = outcome.kind === 'died' || outcome.kind === 'timeout'
      return silent && call.signal?.aborted ? { kind: 'cancelled' } : outcome
    } finally {
      clearTimeout(timer)
      call.signal?.removeEventListener('abort', onCancel)
    }
  }

  /** Listens for changed tools, as well as the server can tell; opens again when the stream ends. */
  onToolsChanged(callback: () => void): void {
    this.#notices ??= listenForToolChanges({
      agent: this.#agent,
      url: this.#url,
      open: async ({ token, session }) => {
        await this.#credentials.look(token)
        if (session !== undefined) this.#forget(session)
        const { era } = await this.connect()
        const params = { notifications: { toolsListChanged: true }, _meta: this.#envelope() }
        return era === legacyEra
          ? { method: 'GET', headers: { ...this.#headers(era), accept: 'text/event-stream' } }
          : {
              method: 'POST',
              headers: this.#headers(era, 'subscriptions/listen'),
              body: JSON.stringify({ jsonrpc: '2.0', id: ++this.#lastId, method: 'subscriptions/listen', params }),
            }
      },
      onChanged: callback,
    })
  }

  /** Waits for the calls in hand, each of which has its own time limit; then ends the session and closes the connections. */
  async close(): Promise<void> {
    this.#notices?.stop()
    await Promise.allSettled(this.#inHand)
    if (this.#sessionId !== undefined) {
      const ended = this.#agent.request({
        origin: this.#url.origin,
        path: this.#url.pathname + this.#url.search,
        method: 'DELETE',
        headers: this.#headers(legacyEra),
        signal: AbortSignal.timeout(500),
      })
      await ended.then(({ body }) => body.dump()).catch(() => {})
    }
    await this.#agent.destroy()
  }

  async #request(era: Era, method: string, params: JsonObject, timeoutMs: number): Promise<UpstreamOutcome> {
    const id = ++this.#lastId
    const whole = era === modernEra ? { ...params, _meta: this.#envelope() } : params
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort('timeout'), timeoutMs)
    const { outcome, headers } = await this.#post({
      headers: this.#headers(era, method),
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params: whole }),
      id,
      maxBytes: Math.max(this.#options.maxResultBytes, 16 * 1024 * 1024),
      signal: abort.signal,
    })
    clearTimeout(timer)
    if (method === 'initialize') {
      const session = headers['mcp-session-id']
      this.#sessionId = typeof session === 'string' ? session : undefined
    }
    return outcome
  }

  /** Whatever the server answers, it does not answer a secret (I9). */
  async #post(options: Omit<PostOptions, 'dispatcher' | 'url'>) {
    const { outcome, headers } = await post({ ...options, dispatcher: this.#agent, url: this.#url })
    return { outcome: redactOutcome(outcome, this.#secrets.list), headers }
  }

  async #notify(method: string, params: JsonObject): Promise<void> {
    await this.#send({ jsonrpc: '2.0', method, params })
  }

  /** Sampling, elicitation and roots are not offered; a server that asks all the same is told so. */
  async #refuse({ id, method }: RpcRequest): Promise<void> {
    await this.#send({ jsonrpc: '2.0', id, error: { code: -32601, message: `${method} is not served by this client` } })
  }

  async #send(message: JsonObject): Promise<void> {
    const sent = this.#agent.request({
      origin: this.#url.origin,
      path: this.#url.pathname + this.#url.search,
      method: 'POST',
      headers: this.#headers(legacyEra),
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(this.#options.timeoutMs),
    })
    await sent.then(({ body }) => body.dump()).catch(() => {})
  }

  #envelope(): JsonObject {
    return {
      [metaKeys.protocolVersion]: modernEra,
      [metaKeys.clientInfo]: this.#options.clientInfo,
      [metaKeys.clientCapabilities]: {},
    }
  }

  #headers(era: Era, method?: string, name?: string): Record<string, string> {
    return {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(this.#credentials.token === undefined ? {} : { authorization: `Bearer ${this.#credentials.token}` }),
      ...(era === modernEra
        ? {
            'mcp-protocol-version': modernEra,
            ...(method === undefined ? {} : { 'mcp-method': method }),
            ...(name === undefined ? {} : { 'mcp-name': encodeHeaderValue(name) }),
          }
        : {
            ...(this.#hello?.era === legacyEra ? { 'mcp-protocol-version': this.#hello.protocolVersion } : {}),
            // A new session is not opened in the old one.
            ...(this.#sessionId === undefined || method === 'initialize' ? {} : { 'mcp-session-id': this.#sessionId }),
          }),
    }
  }
}

/** The arguments that travel a second time, as the text that is sent has them (I3). */
function paramHeaders({ inputSchema, argumentsText }: ToolCall): Record<string, string> {
  const read = inputSchema === undefined ? undefined : readParamHeaders(inputSchema)
  if (!read || !('params' in read) || read.params.length === 0) return {}
  return paramHeadersOf(read.params, JSON.parse(argumentsText) as JsonObject)
}

function helloOf(era: Era, protocolVersion: string, result: JsonObject): ServerHello {
  const info = isJsonObject(result.serverInfo) ? result.serverInfo : {}
  return {
    era,
    protocolVersion,
    serverInfo: { name: String(info.name ?? 'unnamed'), version: String(info.version ?? '0') },
    capabilities: isJsonObject(result.capabilities) ? result.capabilities : {},
    ...(typeof result.instructions === 'string' ? { instructions: result.instructions } : {}),
  }
}

function handshakeError(outcome: UpstreamOutcome, what = 'the handshake'): UpstreamError {
  switch (outcome.kind) {
    case 'result':
      return new UpstreamError(`${what} was answered with something else`)
    case 'rpc-error':
      return new UpstreamError(`${what} was answered with error ${outcome.error.code}: ${outcome.error.message}`)
    case 'timeout':
      return new UpstreamError(`${what} was not answered in time`)
    case 'too-large':
      return new UpstreamError(`the answer to ${what} is ${outcome.size}`)
    case 'cancelled':
      return new UpstreamError(`${what} was cancelled`)
    case 'not-sent':
    case 'refused':
    case 'died':
    case 'garbage':
    case 'invalid-result':
      return new UpstreamError(`${what} failed: ${outcome.message}`)
  }
}

/**
 * True when the server does not know the session that the call was sent in, so that nobody looked at the call and sending it in a new
 * session is the first time (I6). By the specification that is HTTP 404. Many say 400, with a code of transports and no id: what looks at
 * a call answers under its id, and so a tool's error is final with whichever code and words. An error under the id with 404 must have
 * such a code, too: that of an unknown method has 404 in the modern revision.
 */
function isSessionRefused(outcome: UpstreamOutcome): boolean {
  if (outcome.kind === 'rpc-error') {
    const { status, error } = outcome
    return status === 404 && sessionCodes.has(error.code) && /session/i.test(error.message)
  }
  if (outcome.kind !== 'refused') return false
  const { status, code } = outcome
  return status === 404 || (status === 400 && code !== undefined && sessionCodes.has(code))
}

/** By HTTP, what was asked for was not looked at. */
function isUnauthorized(outcome: UpstreamOutcome): boolean {
  return (outcome.kind === 'refused' || outcome.kind === 'rpc-error') && outcome.status === 401
}

/** The progress that a notification tells of the request with this id; undefined where it is none, or none that clients could read. */
function progressOf({ method, params = {} }: RpcNotification, id: number): JsonObject | undefined {
  if (method !== 'notifications/progress' || String(params.progressToken) !== String(id)) return undefined
  const { progress, total, message } = params
  if (typeof progress !== 'number') return undefined
  return {
    progress,
    ...(typeof total === 'number' ? { total } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  }
}
