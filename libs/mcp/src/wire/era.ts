import { classifyInboundRequest } from '@modelcontextprotocol/server'
import { CountersignError, type ErrorCode, isJsonObject, type JsonObject } from '@countersign/contracts'

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

const spoken = [...legacyVersions, modernEra] as const
/** The errors that the rules of the eras know, in our words. */
const codes: Record<number, ErrorCode> = {
  [-32020]: 'header_mismatch',
  [-32022]: 'unsupported_version',
  [-32601]: 'method_not_found',
  [-32602]: 'invalid_params',
}

/**
 * Decides the era of an inbound POST: the body decides, headers only cross-check (the SDK's own rule, as a pure function). A revision
 * in the header that is not served is refused before, but for `initialize`, whose body negotiates.
 *
 * @throws CountersignError `unsupported_version`, `header_mismatch`, `invalid_params`, `invalid_request`
 */
export function eraOfRequest(body: unknown, headers: Record<string, string | string[] | undefined>): Era {
  const header = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const { method: bodyMethod, params } = isJsonObject(body) ? body : {}
  const meta = isJsonObject(params) ? params._meta : undefined
  let version = header('mcp-protocol-version')
  if (version !== undefined && !spoken.some((one) => one === version)) {
    if (bodyMethod === 'initialize') version = undefined
    else if (!isJsonObject(meta) || meta[metaKeys.protocolVersion] === undefined) throw notSpoken(version)
  }
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
    const { code, message, data } = outcome
    throw new CountersignError(codes[code] ?? 'invalid_request', message, isJsonObject(data) ? { details: data } : {})
  }
  return outcome.kind === 'modern' ? modernEra : legacyEra
}

function notSpoken(requested: string): CountersignError {
  const shown = JSON.stringify(requested.slice(0, 64))
  return new CountersignError(
    'unsupported_version',
    `the header MCP-Protocol-Version names the revision ${shown}, which is not served; served are ${spoken.join(', ')}`,
    { details: { supported: [...spoken], requested: requested.slice(0, 64) } },
  )
}

/** Methods whose `Mcp-Name` header mirrors a parameter. */
const namedBy: Record<string, string> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** The value `Mcp-Name` must have for a request, if any. */
export function mcpNameOf(method: string, params: JsonObject | undefined): string | undefined {
  const key = namedBy[method]
  const value = key === undefined ? undefined : params?.[key]
  return typeof value === 'string' ? value : undefined
}
