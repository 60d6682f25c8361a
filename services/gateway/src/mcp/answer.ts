import type { ServerResponse } from 'node:http'
import { type CountersignError, errorRow, type JsonObject } from '@countersign/contracts'
import { type Era, formatSse, modernEra, type RpcId } from '@countersign/mcp'
import { refusedResult } from '../call/reply.ts'
import { inEra } from './in-era.ts'

/** Comments keep proxies from closing a stream on which nothing happens. */
const keepAliveMs = 15_000

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** JSON-RPC codes that only the modern era has. */
const isModernCode = (code: number) => code <= -32020 && code >= -32099
/** What a legacy client is told by the HTTP status (2025-11-25, Transports): that it must initialize again, or what it must not send. */
const toldByStatus = new Set<string>(['session_not_found', 'unsupported_version'])

/** What an answer is for. */
export interface Answered {
  /** The request's id; null when nothing was asked, or the id could not be read. */
  id: RpcId | null
  era: Era
  /** The request's method, as far as it is known. */
  method?: string | undefined
}

/** The answer to what could not be read, or came from who is not let in: HTTP alone says how it ended. */
export const unread: Answered = { id: null, era: modernEra }

/** The answer to one POST: plain JSON, or an event stream from the first notification on. */
export class Answer {
  readonly #response: ServerResponse
  readonly #request: Answered
  #keepAlive: NodeJS.Timeout | undefined

  constructor(response: ServerResponse, request: Answered) {
    this.#response = response
    this.#request = request
  }

  /** Sends a notification before the answer. */
  notify(method: string, params: JsonObject): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, streamHeaders)
      this.#keepAlive = setInterval(() => this.#response.write(': \n\n'), keepAliveMs)
    }
    this.#response.write(formatSse({ event: 'message', data: JSON.stringify({ jsonrpc: '2.0', method, params }) }))
  }

  result(result: JsonObject, headers: Record<string, string> = {}): void {
    this.#end(200, { jsonrpc: '2.0', id: this.#request.id, result }, headers)
  }

  /** An error of the table: a result where the table says so and a tool was called, else a JSON-RPC error. */
  error(error: CountersignError, headers: Record<string, string> = {}): void {
    const { id, era, method } = this.#request
    const { jsonRpcCode: code, httpStatus, retryable } = errorRow(error.code)
    if (code === undefined && method === 'tools/call' && id !== null) {
      return this.result(inEra(refusedResult(error), era), headers)
    }
    const body = {
      jsonrpc: '2.0',
      id,
      error: {
        code: code === undefined ? -32000 : era !== modernEra && isModernCode(code) ? -32600 : code,
        message: error.message,
        data: { ...error.details, code: error.code, retryable },
      },
    }
    this.#end(this.#statusOf(error.code, httpStatus), body, headers)
  }

  /**
   * The status of an error. One with the request's id is an answer, and clients read answers out of 200 and, in the modern era, out of 400; out of
   * any other status they read nothing but the status. So only what HTTP itself must say has another.
   */
  #statusOf(code: string, httpStatus: number): number {
    const { id, era } = this.#request
    if (id === null) return httpStatus
    if (era !== modernEra) return toldByStatus.has(code) ? httpStatus : 200
    if (code === 'method_not_found') return httpStatus
    return httpStatus < 500 ? 400 : 200
  }

  /** What was withdrawn is not answered any more (2025-11-25, Cancellation): its stream ends at once, however long the tool goes on. */
  silence(): void {
    clearInterval(this.#keepAlive)
    if (this.#response.destroyed || this.#response.writableEnded) return
    if (!this.#response.headersSent) this.#response.writeHead(200, streamHeaders)
    this.#response.end()
  }

  /** The answer to a notification. */
  accepted(): void {
    this.#response.writeHead(202).end()
  }

  #end(status: number, body: object, headers: Record<string, string>): void {
    clearInterval(this.#keepAlive)
    if (this.#response.destroyed || this.#response.writableEnded) return
    const text = JSON.stringify(body)
    if (this.#response.headersSent) this.#response.end(formatSse({ event: 'message', data: text }))
    else this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
}
