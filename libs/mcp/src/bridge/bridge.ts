/**
 * The stdio bridge: serves one stdio MCP server over Streamable HTTP (revision 2025-11-25) on this machine.
 *
 * File map: main.ts and config.ts (the command) · bridge.ts (wires and routes) · check-request.ts, read-body.ts, refusal.ts (what
 * is let in) · sessions.ts, listeners.ts, exchange.ts (clients) · relay.ts, requests.ts, json-span.ts (messages and their ids) ·
 * child.ts, line-reader.ts, child-env.ts (the server process).
 *
 * What it upholds: I3 (parameters and results keep their bytes) · I5 (when the server dies during a call the connection breaks,
 * and no answer is made up) · I9 (secrets come in files, and the server gets no environment but its own).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readRpcMessage, type RpcId } from '../wire/json-rpc.ts'
import { parseStrictJson } from '../wire/strict-json.ts'
import { accepts, checkPostHeaders, checkRequest } from './check-request.ts'
import { Child } from './child.ts'
import type { BridgeConfig } from './config.ts'
import { Exchange } from './exchange.ts'
import { Listeners } from './listeners.ts'
import { readBody } from './read-body.ts'
import { Refusal, refuse } from './refusal.ts'
import { Relay, revision } from './relay.ts'
import { Sessions } from './sessions.ts'

const path = '/mcp'
const maxBodyBytes = 4 * 1024 * 1024
const maxSessions = 1024
const maxConnections = 16_384
/** Longer than clients keep idle connections: one that the server closes just as a call is sent would look like a death. */
const keepAliveMs = 120_000
/** How long a server that is to end may still answer. */
const answerMs = 2000

/** One stdio server behind an HTTP address. */
export class Bridge {
  readonly #config: BridgeConfig
  readonly #log: (line: string) => void
  readonly #onEnd: (reason: string) => void
  readonly #listeners = new Listeners()
  readonly #sessions = new Sessions(maxSessions, (session) => this.#listeners.close(session))
  readonly #relay: Relay
  readonly #http: Server
  #child: Child | undefined
  #protocolVersion: string | undefined

  /** @param onEnd called once when the server process is gone, also after `stop` */
  constructor(config: BridgeConfig, log: (line: string) => void, onEnd: (reason: string) => void) {
    this.#config = config
    this.#log = log
    this.#onEnd = onEnd
    this.#relay = new Relay({
      send: (message) => this.#child?.send(message) ?? false,
      broadcast: (message) => this.#listeners.send(message),
      log,
    })
    this.#http = createServer(
      { keepAliveTimeout: keepAliveMs },
      (request, response) => void this.#serve(request, response),
    )
    this.#http.maxConnections = maxConnections
  }

  /** Starts the server process and listens; resolves to the port. Clients that come early wait for the server. */
  async start(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#http.once('error', reject).listen(this.#config.port, '127.0.0.1', resolve)
    await promise
    const { command, cwd, env } = this.#config
    this.#child = new Child({
      command,
      env,
      ...(cwd === undefined ? {} : { cwd }),
      onLine: (line) => this.#relay.onLine(line),
      onLog: (line) => this.#log(`server: ${line}`),
      onExit: (reason) => this.#ended(reason),
    })
    this.#relay.initialize().catch((error: Error) => {
      this.#log(error.message)
      void this.#child?.stop()
    })
    return (this.#http.address() as AddressInfo).port
  }

  /** Lets the server answer what it has in hand, and what was on its way to it, for a while; then ends it. */
  async stop(): Promise<void> {
    this.#listeners.closeAll()
    await this.#relay.quiet(answerMs)
    this.#http.close()
    await this.#child?.stop()
  }

  #ended(reason: string): void {
    this.#relay.breakAll()
    this.#http.close()
    this.#http.closeAllConnections()
    this.#onEnd(reason)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkRequest(request.headers, this.#config.token)
      if (request.url?.split('?')[0] !== path) throw new Refusal(404, -32601, `served here: ${path}`)
      switch (request.method) {
        case 'POST':
          return await this.#post(request, response)
        case 'GET':
          return this.#listen(request, response)
        case 'DELETE':
          this.#sessions.end(this.#session(request))
          response.writeHead(204).end()
          return
        default:
          throw new Refusal(405, -32601, 'this method is not served', { headers: { allow: 'POST, GET, DELETE' } })
      }
    } catch (error) {
      if (error instanceof Refusal) return refuse(response, error)
      if (!request.destroyed) this.#log(`a request failed: ${(error as Error).message}`)
      response.destroy()
    }
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkPostHeaders(request.headers)
    const text = await readBody(request, maxBodyBytes)
    const message = readRpcMessage(parse(text))
    if (message.kind === 'invalid') throw new Refusal(400, -32600, message.reason)
    if (message.kind === 'request' && message.request.method === 'initialize') {
      return await this.#initialize(message.request.id, response)
    }
    this.#checkVersion(request)
    const session = this.#session(request)
    if (message.kind === 'request') {
      const exchange = new Exchange(response)
      if (message.request.method === 'ping')
        exchange.answer(JSON.stringify({ jsonrpc: '2.0', id: message.request.id, result: {} }))
      else this.#relay.request(session, message.request, text, exchange)
      return
    }
    if (message.kind === 'notification' && message.notification.method === 'notifications/cancelled') {
      const { requestId, reason } = message.notification.params ?? {}
      const isId = typeof requestId === 'string' || typeof requestId === 'number'
      if (isId) this.#relay.cancel(session, requestId, typeof reason === 'string' ? reason : undefined)
    }
    // Other notifications are about a client's own state, and the child knows no clients.
    response.writeHead(202).end()
  }

  async #initialize(id: RpcId, response: ServerResponse): Promise<void> {
    const { result, protocolVersion } = await this.#relay.initialized
    this.#protocolVersion = protocolVersion
    response
      .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': this.#sessions.open() })
      .end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`)
  }

  #listen(request: IncomingMessage, response: ServerResponse): void {
    if (!accepts(request.headers.accept ?? '', 'text/event-stream')) {
      throw new Refusal(406, -32600, 'a GET must accept text/event-stream')
    }
    this.#listeners.open(this.#session(request), response)
  }

  #session(request: IncomingMessage): string {
    const session = request.headers['mcp-session-id']
    if (typeof session !== 'string')
      throw new Refusal(400, -32600, 'the Mcp-Session-Id header is missing; initialize first')
    if (!this.#sessions.use(session))
      throw new Refusal(404, -32001, 'the session is unknown or ended; initialize again')
    return session
  }

  #checkVersion(request: IncomingMessage): void {
    const requested = request.headers['mcp-protocol-version']
    if (requested === undefined || requested === (this.#protocolVersion ?? revision)) return
    throw new Refusal(
      400,
      -32022,
      `the revision ${String(requested)} is not served here; initialize with ${revision}`,
      {
        data: { supported: [this.#protocolVersion ?? revision], requested },
      },
    )
  }
}

function parse(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch (error) {
    throw new Refusal(400, -32700, (error as Error).message)
  }
}
