import type { AddressInfo } from 'node:net'
import { CountersignError, DnsLabel, isJsonObject, type Principal } from '@countersign/contracts'
import { agentsGroup, type Authenticator, TokenExpired } from '@countersign/identity'
import {
  checkRevision,
  claimedEra,
  decodeHeaderValue,
  eraOfRequest,
  legacyEra,
  mcpNameOf,
  metaKeys,
  modernEra,
  readRpcMessage,
  type RpcRequest,
} from '@countersign/mcp'
import { checkHost, RequestsInHand, type Served } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { refuseFlood } from '../call/receive.ts'
import { Answer, unread } from './answer.ts'
import type { Cancellations } from './cancellations.ts'
import { asksForCall, dispatch, type DispatchServices } from './dispatch.ts'
import { decodeBody, readBody, unreadable } from './read-body.ts'

export interface ListenerOptions extends DispatchServices {
  authenticator: Authenticator
  cancellations: Cancellations
  log: Logger
  host: string
  port: number
  served: Served
  maxBodyBytes: number
  /** Told how each request ended. */
  onAnswered: (method: string, tool: string | undefined, seconds: number, errorCode: string | undefined) => void
}

/** For whoever opens the address in a browser. */
const forAgents =
  'This is where agents connect with MCP (Streamable HTTP): they send POST with a bearer token. People use: npx countersign help\n'

/**
 * Of a tenant that asks for far more than its share longer bodies are not parsed: making out what they are takes more than some 8 ms. Far above usual
 * calls, since not every client goes on after what it is told instead of a result.
 */
const maxFloodBytes = 262_144

type Route = { Params: { server?: string } }

/** What is known of a request from its head alone. */
interface Caller {
  /** The server of `/mcp/<server>`; undefined on `/mcp`. */
  endpoint: string | undefined
  principal: Principal
}

/**
 * Streamable HTTP on `/mcp` and `/mcp/<server>`, both eras on each: the body decides which one speaks. Every request shows a
 * bearer token; there is no anonymous access, and of whom is not let in no body is taken in.
 */
export class Listener {
  readonly #options: ListenerOptions
  readonly #app: FastifyInstance
  readonly #callers = new WeakMap<FastifyRequest<Route>, Caller>()
  readonly #inHand: RequestsInHand

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#app = fastify({ bodyLimit: options.maxBodyBytes, forceCloseConnections: 'idle', requestTimeout: 30_000 })
    this.#inHand = new RequestsInHand(this.#app.server)
    this.#app.addHook('onRequest', (request, reply, done) => {
      // A body that is for nobody is not taken in.
      if (!request.is404) return done()
      this.#refuse(reply, new CountersignError('not_found', 'served here: POST /mcp and POST /mcp/<server>'))
    })
    this.#app.removeAllContentTypeParsers()
    this.#app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      async (request: FastifyRequest, bytes: Buffer) => decodeBody(request.headers, bytes),
    )
    this.#app.setErrorHandler((error, _request, reply) => this.#refuse(reply, unreadable(error)))
    for (const path of ['/mcp', '/mcp/:server']) {
      // Before a body is read: who is not let in sends it for nothing.
      const admit = { onRequest: (request: FastifyRequest<Route>, reply: FastifyReply) => this.#admit(request, reply) }
      this.#app.post<Route>(path, admit, (request, reply) => this.#post(request, reply))
      this.#app.delete<Route>(path, admit, (request, reply) => this.#delete(request, reply))
      // What the method does is not served, whatever comes with it.
      const onRequest = async (_request: FastifyRequest, reply: FastifyReply) =>
        reply.code(405).header('allow', 'POST, DELETE').type('text/plain; charset=utf-8').send(forAgents)
      this.#app.route({ url: path, method: ['GET', 'PUT', 'PATCH', 'OPTIONS'], onRequest, handler: onRequest })
    }
  }

  /** Listens; resolves to the port in use. */
  async listen(): Promise<number> {
    await this.#app.listen({ host: this.#options.host, port: this.#options.port })
    return (this.#app.server.address() as AddressInfo).port
  }

  /** Takes no new requests and waits for those in hand. */
  close(): Promise<void> {
    return this.#inHand.finish(() => this.#app.close())
  }

  async #post(request: FastifyRequest<Route>, reply: FastifyReply): Promise<void> {
    reply.hijack()
    let answer = new Answer(reply.raw, unread)
    const started = performance.now()
    let rpc: RpcRequest | undefined
    let errorCode: string | undefined
    try {
      const { endpoint, principal } = this.#callers.get(request)!
      // A body in chunks did not say so before.
      if (isLong(String(request.body).length)) refuseFlood(this.#options, principal, request.ip)
      const { body, id, refusal } = readBody(request.body)
      const message = readRpcMessage(body)
      const method = message.kind === 'request' ? message.request.method : undefined
      answer = new Answer(reply.raw, { id, era: claimedEra(body, request.headers), method })
      if (message.kind === 'invalid') throw new CountersignError('invalid_request', message.reason)
      if (refusal) throw refusal
      if (message.kind === 'request' && asksForCall(message.request)) {
        rpc = message.request
        refuseFlood(this.#options, principal, request.ip)
      }
      const era = eraOfRequest(body, request.headers)
      answer = new Answer(reply.raw, { id, era, method })
      const modern = era === modernEra
      const session = modern ? undefined : headerOf(request, 'mcp-session-id')
      // Whoever names a session owns it, or gets no further.
      if (session !== undefined) await this.#options.sessions.find(session, principal)
      const owner = { principal, session }
      if (message.kind === 'notification') {
        const { method, params } = message.notification
        if (method === 'notifications/cancelled') this.#options.cancellations.cancel(owner, params?.requestId)
        return answer.accepted()
      }
      if (message.kind !== 'request') return answer.accepted()
      rpc = message.request
      if (modern) checkEnvelope(request, rpc)
      const abort = new AbortController()
      let forget = () => {}
      const mayStream = acceptsStream(request)
      // A modern caller withdraws by closing the stream; a legacy one says so, and a lost connection means nothing.
      if (modern) reply.raw.once('close', () => reply.raw.writableFinished || abort.abort())
      else if (rpc.method === 'tools/call') {
        forget = this.#options.cancellations.add(owner, rpc.id, abort)
        const { signal } = abort
        const silenced = answer
        if (mayStream) signal.addEventListener('abort', () => silenced.silence(), { once: true })
      }
      try {
        await dispatch(
          this.#options,
          {
            request: rpc,
            era,
            principal,
            address: request.ip,
            endpoint,
            idempotencyKey: headerOf(request, 'idempotency-key'),
            headerOf: (name) => headerOf(request, name),
            mayStream,
            signal: abort.signal,
          },
          answer,
        )
      } finally {
        forget()
      }
    } catch (error) {
      errorCode = this.#answerError(answer, error)
    } finally {
      if (rpc) {
        const tool = rpc.method === 'tools/call' ? String(rpc.params?.name).slice(0, 128) : undefined
        this.#options.onAnswered(rpc.method, tool, (performance.now() - started) / 1000, errorCode)
      }
    }
  }

  async #delete(request: FastifyRequest<Route>, reply: FastifyReply): Promise<void> {
    reply.hijack()
    const answer = new Answer(reply.raw, { id: null, era: legacyEra })
    try {
      const { principal } = this.#callers.get(request)!
      const revision = headerOf(request, 'mcp-protocol-version')
      if (revision === modernEra) {
        const message = `${modernEra} has no sessions that could be ended; send POST`
        return answer.error(new CountersignError('method_not_allowed', message), { allow: 'POST' })
      }
      checkRevision(revision)
      const sessionId = headerOf(request, 'mcp-session-id')
      if (sessionId === undefined)
        throw new CountersignError('invalid_request', 'DELETE ends a session; name it in Mcp-Session-Id')
      await this.#options.sessions.end(sessionId, principal)
      reply.raw.writeHead(204).end()
    } catch (error) {
      this.#answerError(answer, error)
    }
  }

  /** Checks where a request comes from and which server it is for. */
  #endpointOf(request: FastifyRequest<Route>): string | undefined {
    checkHost(request.headers, request.socket.localPort ?? 0, this.#options.served)
    if (
      request.method === 'POST' &&
      !/application\/(json(?![\w.+-])|\*)|\*\/\*/i.test(request.headers.accept ?? '*/*')
    ) {
      throw new CountersignError(
        'not_acceptable',
        'the answer to a POST is application/json, or with text/event-stream beside it news and then the answer; accept both',
      )
    }
    const { server } = request.params
    if (server !== undefined && !DnsLabel.safeParse(server).success) {
      throw new CountersignError('not_found', 'the path names no server; servers are DNS labels')
    }
    return server
  }

  /** Lets a request in by its head, or answers it. What it still sends is then thrown away as it comes. */
  async #admit(request: FastifyRequest<Route>, reply: FastifyReply): Promise<void> {
    try {
      const endpoint = this.#endpointOf(request)
      const principal = await this.#authenticate(request)
      if (request.method === 'POST' && isLong(Number(request.headers['content-length'] ?? 0)))
        refuseFlood(this.#options, principal, request.ip)
      this.#callers.set(request, { endpoint, principal })
    } catch (error) {
      reply.hijack()
      this.#answerError(new Answer(reply.raw, unread), error)
    }
  }

  /** Who asks, by the token; a refusal is recorded. Whoever sends none has only lost the way. */
  async #authenticate({ headers: { authorization }, ip }: FastifyRequest<Route>): Promise<Principal> {
    const principal = await this.#options.authenticator.authenticate(authorization).catch((error: unknown) => {
      if (error instanceof TokenExpired) this.#options.refusals.caller(error.principal, error.code, ip)
      else if (authorization !== undefined) this.#options.refusals.token(ip)
      throw error
    })
    if (!principal.groups.includes(agentsGroup)) {
      this.#options.refusals.caller(principal, 'forbidden', ip)
      throw new CountersignError(
        'forbidden',
        `${principal.id} may not call tools: it is not in the group ${agentsGroup}`,
      )
    }
    return principal
  }

  #answerError(answer: Answer, error: unknown): string {
    const known = error instanceof CountersignError ? error : this.#defect(error)
    answer.error(known, headersOf(known))
    return known.code
  }

  #defect(error: unknown): CountersignError {
    this.#options.log.error({ err: error }, 'a request could not be answered')
    return new CountersignError('internal', 'the gateway could not answer this request; its log has the details')
  }

  #refuse(reply: FastifyReply, error: CountersignError): void {
    reply.hijack()
    new Answer(reply.raw, unread).error(error)
  }
}

/** What a modern request must say, in the body and again in headers that must not contradict it. */
function checkEnvelope(request: FastifyRequest, rpc: RpcRequest): void {
  const meta = isJsonObject(rpc.params?._meta) ? rpc.params._meta : {}
  const version = meta[metaKeys.protocolVersion]
  if (version !== modernEra) {
    throw new CountersignError(
      'unsupported_version',
      `the revision ${JSON.stringify(version ?? null)} is not served; use ${modernEra}`,
      {
        details: { supported: [modernEra], requested: version ?? null },
      },
    )
  }
  const name = mcpNameOf(rpc.method, rpc.params)
  const expected: [string, string | undefined][] = [
    ['mcp-protocol-version', modernEra],
    ['mcp-method', rpc.method],
    ['mcp-name', name],
  ]
  for (const [header, value] of expected) {
    const sent = headerOf(request, header)
    if (value !== undefined && (sent === undefined || decodeHeaderValue(sent) !== value)) {
      throw new CountersignError('header_mismatch', `the header ${header} must be there and equal what the body says`)
    }
  }
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()]
  return typeof value === 'string' ? value : undefined
}

/** What an error says in headers too, for clients that read nothing else. */
function headersOf({ code, details }: CountersignError): Record<string, string> {
  if (code === 'unauthenticated') return { 'www-authenticate': 'Bearer realm="countersign"' }
  const waitMs = details?.retryAfterMs
  return typeof waitMs === 'number' ? { 'retry-after': String(Math.ceil(waitMs / 1000)) } : {}
}

/** Whether what is posted takes longer to parse than it should for a call that is refused. */
function isLong(bodyLength: number): boolean {
  return bodyLength > maxFloodBytes
}

function acceptsStream(request: FastifyRequest): boolean {
  return /text\/event-stream|\*\/\*/.test(request.headers.accept ?? '*/*')
}
