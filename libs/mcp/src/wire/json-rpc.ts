import type { JsonObject } from '@countersign/contracts'

/** A request id as JSON-RPC and MCP allow it. */
export type RpcId = string | number

export interface RpcRequest {
  jsonrpc: '2.0'
  id: RpcId
  method: string
  params?: JsonObject
}

export interface RpcNotification {
  jsonrpc: '2.0'
  method: string
  params?: JsonObject
}

export interface RpcError {
  code: number
  message: string
  data?: unknown
}

/** What one JSON-RPC message is. */
export type RpcMessage =
  | { kind: 'request'; request: RpcRequest }
  | { kind: 'notification'; notification: RpcNotification }
  | { kind: 'result'; id: RpcId; result: JsonObject }
  | { kind: 'error'; id: RpcId | null; error: RpcError }
  /** `answers` when it is meant as the answer to a request, and in which member it says what. */
  | { kind: 'invalid'; reason: string; answers?: { id: RpcId; member: 'result' | 'error' } }

const idReason = '"id" must be a string, or an integer that a double holds exactly'

/** Tells what a parsed JSON value is as a JSON-RPC 2.0 message, by its shape alone. */
export function readRpcMessage(value: unknown): RpcMessage {
  if (!isJsonObject(value))
    return invalid(Array.isArray(value) ? 'batches are not served; send one message' : 'a message is a JSON object')
  if (value.jsonrpc !== '2.0') return invalid('"jsonrpc" must be "2.0"')
  const { id, method, params, result, error } = value
  if (method !== undefined) {
    if (typeof method !== 'string' || method === '') return invalid('"method" must be a string')
    if (params !== undefined && !isJsonObject(params)) return invalid('"params" must be an object')
    const call = { jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) } as const
    if (id === undefined) return { kind: 'notification', notification: call }
    return isRpcId(id) ? { kind: 'request', request: { ...call, id } } : invalid(idReason)
  }
  if (isJsonObject(error)) {
    const { code, message, data } = error
    if (!Number.isSafeInteger(code) || typeof message !== 'string')
      return invalid('"error" needs a message, and for its code an integer that a double holds exactly', id, 'error')
    return {
      kind: 'error',
      id: isRpcId(id) ? id : null,
      error: { code: code as number, message, ...(data === undefined ? {} : { data }) },
    }
  }
  if (!isRpcId(id)) return invalid(idReason)
  if (isJsonObject(result)) return { kind: 'result', id, result }
  if (result !== undefined) return invalid('"result" must be an object', id, 'result')
  return invalid('a message has a method, a result object or an error', id, error === undefined ? undefined : 'error')
}

/** The id of what asks for an answer, as far as it can be known; null for what asks for none, or has no id that can be given back. */
export function requestIdOf(value: unknown): RpcId | null {
  return isJsonObject(value) && 'method' in value && isRpcId(value.id) ? value.id : null
}

function isRpcId(id: unknown): id is RpcId {
  return typeof id === 'string' || Number.isSafeInteger(id)
}

function invalid(reason: string, id?: unknown, member?: 'result' | 'error'): RpcMessage {
  return { kind: 'invalid', reason, ...(isRpcId(id) && member !== undefined ? { answers: { id, member } } : {}) }
}

/** Of this file's own, so that the stdio bridge, of which one runs a server, starts without loading every contract. */
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
