import type { ServerResponse } from 'node:http'
import type { RpcId } from '../wire/json-rpc.ts'

/** An HTTP request that is not served, and why. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number
  readonly code: number
  readonly headers: Record<string, string>
  readonly data: unknown

  constructor(
    status: number,
    code: number,
    message: string,
    more: { headers?: Record<string, string>; data?: unknown } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = more.headers ?? {}
    this.data = more.data
  }
}

/** Answers with a refusal as a JSON-RPC error. */
export function refuse(response: ServerResponse, refusal: Refusal, id: RpcId | null = null): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, code, message, data, headers } = refusal
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ jsonrpc: '2.0', id, error }))
}
