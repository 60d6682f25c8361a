import { classifyInboundRequest } from '@modelcontextprotocol/server'
import type { JsonObject } from '@countersign/contracts'

/** A generation of MCP: with `initialize` and sessions, or with an envelope in every request. */
export type Era = '2025-11-25' | '2026-07-28'

export const legacyEra = '2025-11-25' satisfies Era
export const modernEra = '2026-07-28' satisfies Era

/** Revisions a legacy client may ask for in `initialize`. */
export const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26'] as const

/** Keys of the modern envelope in `params._meta`. */
export const metaKeys = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const

/** The era of an inbound HTTP request, or why it is refused. */
export type EraOutcome =
  { era: Era } | { reject: { httpStatus: number; code: number; message: string; data?: unknown } }

/** Decides the era of an inbound POST: the body decides, headers only cross-check (the SDK's own rule, as a pure function). */
export function eraOfRequest(body: unknown, headers: Record<string, string | string[] | undefined>): EraOutcome {
  const header = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const version = header('mcp-protocol-version')
  const method = header('mcp-method')
  const name = header('mcp-name')
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    body,
    ...(version === undefined ? {} : { protocolVersionHeader: version }),
    ...(method === undefined ? {} : { mcpMethodHeader: method }),
    ...(name === undefined ? {} : { mcpNameHeader: name }),
  })
  if (outcome.kind === 'reject') {
    const { httpStatus, code, message, data } = outcome
    return { reject: { httpStatus, code, message, ...(data === undefined ? {} : { data }) } }
  }
  return { era: outcome.kind === 'modern' ? modernEra : legacyEra }
}

/** Methods whose `Mcp-Name` header mirrors a parameter. */
const namedBy: Record<string, string> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** The value `Mcp-Name` must have for a request, if any. */
export function mcpNameOf(method: string, params: JsonObject | undefined): string | undefined {
  const key = namedBy[method]
  const value = key === undefined ? undefined : params?.[key]
  return typeof value === 'string' ? value : undefined
}
