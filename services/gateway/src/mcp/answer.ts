import type { ServerResponse } from 'node:http'
import { type CountersignError, type ErrorRow, errorRow, type JsonObject } from '@countersign/contracts'
import { formatSse, type RpcId } from '@countersign/mcp'

/** Comments keep proxies from closing a stream on which nothing happens. */
const keepAliveMs = 15_000

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** The answer to one POST: plain JSON, or an event stream from the first notification on. */
export class Answer {
  readonly #response: ServerResponse
  readonly #id: RpcId | null
  readonly #httpErrors: boolean
  #keepAlive: NodeJS.Timeout | undefined
  #silent = false

  /**
   * @param id the request's id, null when it could not be read
   * @param httpErrors errors carry the HTTP status of the error table (modern era); else JSON-RPC errors travel with 200
   */
  constructor(response: ServerResponse, id: RpcId | null, httpErrors: boolean) {
    this.#response = response
    this.#id = id
    this.#httpErrors = httpErrors
  }

  /** Sends a notification before the answer. */
  notify(method: string, params: JsonObject): void {
    if (this.#silent || this.#response.destroyed || this.#response.writableEnded) return
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, streamHeaders)
      this.#keepAlive = setInterval(() => this.#response.write(': \n\n'), keepAliveMs)
    }
    this.#response.write(formatSse({ event: 'message', data: JSON.stringify({ jsonrpc: '2.0', method, params }) }))
  }

  result(result: JsonObject, headers: Record<string, string> = {}): void {
    this.#end(200, { jsonrpc: '2.0', id: this.#id, result }, headers)
  }

  /** A JSON-RPC error with the code, message and details of an error of the table. */
  error(error: CountersignError, headers: Record<string, string> = {}): void {
    const row = errorRow(error.code)
    const body = {
      jsonrpc: '2.0',
      id: this.#id,
      error: {
        code: row.jsonRpcCode ?? -32000,
        message: error.message,
        data: { ...error.details, code: error.code, retryable: row.retryable },
      },
    }
    this.#end(this.#httpErrors ? this.#statusOf(row) : 200, body, headers)
  }

  /** Modern clients read a JSON-RPC error out of HTTP 400 and of no other status, but for what HTTP itself must say. */
  #statusOf({ jsonRpcCode, httpStatus }: ErrorRow): number {
    return jsonRpcCode === -32602 && this.#id !== null ? 400 : httpStatus
  }

  /** What was withdrawn is not answered any more (2025-11-25, Cancellation): its stream ends without the answer. */
  silence(): void {
    this.#silent = true
  }

  /** The answer to a notification. */
  accepted(): void {
    this.#response.writeHead(202).end()
  }

  #end(status: number, body: object, headers: Record<string, string>): void {
    clearInterval(this.#keepAlive)
    if (this.#response.destroyed || this.#response.writableEnded) return
    if (this.#silent) {
      if (!this.#response.headersSent) this.#response.writeHead(200, streamHeaders)
      this.#response.end()
      return
    }
    const text = JSON.stringify(body)
    if (this.#response.headersSent) this.#response.end(formatSse({ event: 'message', data: text }))
    else this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
}
