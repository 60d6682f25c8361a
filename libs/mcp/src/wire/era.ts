import { classifyInboundRequest } from '@modelcontextprotocol/server'
import { CountersignError, type ErrorCode, isJsonObject, type JsonObject } from '@countersign/contracts'

/** A generation of MCP: with `initialize` and sessions, or with an envelope in every request. */
export type Era = '2025-11-25' | '2026-07-28'

export const legacyEra = '2025-11-25' satisfies Era
export const modernEra = '2026-07-28' satisfies Era

/** Revisions that `initialize` may end in. */
export const negotiableVersions = ['2025-11-25', '2025-06-18'] as const
/** Revisions that a legacy request may name in its header: 2025-03-26 says that servers must take batches, which we do not, so none is promised it. */
const legacyVersions = [...negotiableVersions, '2025-03-26'] as const

/** Keys of the modern envelope in `params._meta`. */
export const metaKeys = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const

const versionHeader = 'mcp-protocol-version'
const spoken = [...legacyVersions, modernEra] as const
/** The errors that the rules of the eras know, in our words. */
const codes: Record<number, ErrorCode> = {
  [-32020]: 'header_mismatch',
  [-32022]: 'unsupported_version',
  [-32601]: 'method_not_found',
  [-32602]: 'invalid_params',
}

/** The values of a request's headers, as the HTTP server has them. */
export type RequestHeaders = Record<string, string | string[] | undefined>

/** The era that a request claims to be of, by its envelope or its header, before anything is known to be right: what is wrong with it is said in its words. */
export function claimedEra(body: unknown, headers: RequestHeaders): Era {
  const meta = metaOf(body)
  const claims = isJsonObject(meta) && meta[metaKeys.protocolVersion] !== undefined
  return claims || headers[versionHeader] === modernEra ? modernEra : legacyEra
}

/**
 * Decides the era of an inbound POST: the body decides, headers only cross-check (the SDK's own rule, as a pure function). A revision
 * in the header that is not served is refused before, but for `initialize`, whose body negotiates.
 *
 * @throws CountersignError `unsupported_version`, `header_mismatch`, `invalid_params`, `invalid_request`
 */
export function eraOfRequest(body: unknown, headers: RequestHeaders): Era {
  const header = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const meta = metaOf(body)
  checkMeta(meta)
  let version = header(versionHeader)
  if (isJsonObject(body) && body.method === 'initialize') {
    if (version !== undefined && !isSpoken(version)) version = undefined
  } else if (meta?.[metaKeys.protocolVersion] === undefined) checkRevision(version)
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
    // Of what it judges by its shape alone, only `_meta` and what else a message has were not looked at before.
    if (outcome.cell === 'invalid-json-rpc-body') {
      throw meta === undefined
        ? new CountersignError(
            'invalid_request',
            'a request has no members but jsonrpc, id, method and params; leave the others out',
          )
        : new CountersignError('invalid_params', 'a member of "_meta" has not the form that MCP gives it')
    }
    throw new CountersignError(codes[code] ?? 'invalid_request', message, isJsonObject(data) ? { details: data } : {})
  }
  return outcome.kind === 'modern' ? modernEra : legacyEra
}

/**
 * Checks the revision in `MCP-Protocol-Version`: any that is served will do, also in a session that negotiated another
 * (2025-11-25, Transports, Protocol Version Header: only an invalid or unsupported one is refused).
 *
 * @throws CountersignError `unsupported_version`
 */
export function checkRevision(revision: string | undefined): void {
  if (revision === undefined || isSpoken(revision)) return
  const requested = revision.slice(0, 64)
  throw new CountersignError(
    'unsupported_version',
    `the header MCP-Protocol-Version names the revision ${JSON.stringify(requested)}, which is not served; served are ${spoken.join(', ')}`,
    { details: { supported: [...spoken], requested } },
  )
}

function isSpoken(revision: string): boolean {
  return spoken.some((one) => one === revision)
}

function metaOf(body: unknown): unknown {
  const params = isJsonObject(body) ? body.params : undefined
  return isJsonObject(params) ? params._meta : undefined
}

/** What the SDK's rule needs of `_meta`, of which it says only that the whole is no message. */
function checkMeta(meta: unknown): asserts meta is JsonObject | undefined {
  if (meta === undefined) return
  if (!isJsonObject(meta))
    throw new CountersignError('invalid_params', '"_meta" must be an object; leave it out or send one')
  const { progressToken: token } = meta
  if (token === undefined || typeof token === 'string' || Number.isSafeInteger(token)) return
  throw new CountersignError(
    'invalid_params',
    '"progressToken" in _meta must be a string or an integer; leave it out to be told no progress',
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
