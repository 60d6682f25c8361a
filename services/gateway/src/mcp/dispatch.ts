import { CountersignError, isJsonObject, type JsonObject, type Principal } from '@countersign/contracts'
import { type Era, legacyEra, metaKeys, modernEra, negotiableVersions, type RpcRequest } from '@countersign/mcp'
import { callStatus } from '../call/call-status.ts'
import { type CallServices, receiveCall } from '../call/receive.ts'
import { statusTool } from '../call/status-tool.ts'
import { listTools } from '../catalog/list-tools.ts'
import type { Answer } from './answer.ts'
import { inEra } from './in-era.ts'
import type { Sessions } from './sessions.ts'

/** One request, with what the listener knows of it. */
export interface Inbound {
  request: RpcRequest
  era: Era
  principal: Principal
  /** Where the request comes from. */
  address: string
  /** The server of `/mcp/<server>`; undefined on `/mcp`. */
  endpoint: string | undefined
  idempotencyKey: string | undefined
  /** The value of an HTTP header, by its name. */
  headerOf: (name: string) => string | undefined
  /** The caller takes event streams. */
  mayStream: boolean
  signal: AbortSignal
}

export interface DispatchServices extends CallServices {
  sessions: Sessions
}

const serverInfo = { name: 'countersign', title: 'Countersign', version: '0.1.0' }
const instructions =
  'Calls through Countersign are governed: some are denied and some wait for a person. A result with status "pending" has not ' +
  'run yet and one with status "running" goes on: do not repeat the call, ask countersign_call_status with its callId. A result ' +
  'with status "unknown" may have run: do not repeat it.'
const capabilities = { tools: {} }
/** What is asked of the endpoint as a whole, and so of a server that there is. */
const aboutServer = new Set(['initialize', 'server/discover', 'tools/list'])
/** How long a client may keep a list that was made for it alone. */
const listTtlMs = 5000

/** True for a request that would become a call; asking how an earlier one is does not. */
export function asksForCall({ method, params }: RpcRequest): boolean {
  return method === 'tools/call' && params?.name !== statusTool.name
}

/** Answers one request by its method, in the words of its era. */
export async function dispatch(services: DispatchServices, inbound: Inbound, answer: Answer): Promise<void> {
  const { request, era, principal } = inbound
  const modern = era === modernEra
  const cacheable = modern ? { ttlMs: listTtlMs, cacheScope: 'private' } : {}
  const complete = (result: JsonObject) => answer.result(inEra(result, era))
  if (aboutServer.has(request.method)) checkEndpoint(services, inbound)
  switch (request.method) {
    case 'initialize': {
      if (modern) break
      const asked = request.params?.protocolVersion
      if (typeof asked !== 'string') {
        throw new CountersignError('invalid_params', 'initialize needs protocolVersion, the revision that you speak')
      }
      const version = negotiate(asked)
      const client = isJsonObject(request.params?.clientInfo) ? String(request.params.clientInfo.name ?? '') : ''
      const session = await services.sessions.open(principal, version, client)
      answer.result({ protocolVersion: version, capabilities, serverInfo, instructions }, { 'mcp-session-id': session })
      return
    }
    case 'ping':
      if (modern) break
      return complete({})
    case 'server/discover':
      if (!modern) break
      return complete({
        supportedVersions: [modernEra],
        capabilities,
        instructions,
        ...cacheable,
        _meta: { [metaKeys.serverInfo]: serverInfo },
      })
    case 'tools/list':
      if (request.params?.cursor !== undefined) {
        throw new CountersignError('invalid_params', 'this list has one page and gave no cursor; ask without one')
      }
      return complete({
        tools: await listTools(services.registry, services.visible, principal, inbound.endpoint),
        ...cacheable,
      })
    case 'tools/call': {
      if (!asksForCall(request)) return complete(await callStatus(services, principal, request.params?.arguments))
      const { params } = request
      const token = inbound.mayStream && isJsonObject(params?._meta) ? params._meta.progressToken : undefined
      const result = await receiveCall(services, {
        principal,
        address: inbound.address,
        era,
        endpoint: inbound.endpoint,
        params,
        idempotencyKey: inbound.idempotencyKey,
        headerOf: inbound.headerOf,
        onProgress:
          token === undefined
            ? undefined
            : (progress) => answer.notify('notifications/progress', { ...progress, progressToken: token }),
        signal: inbound.signal,
      })
      return complete(result)
    }
  }
  throw new CountersignError(
    'method_not_found',
    `the method ${JSON.stringify(request.method.slice(0, 64))} is not served here`,
  )
}

function checkEndpoint({ registry }: DispatchServices, { principal, endpoint }: Inbound): void {
  if (endpoint === undefined || registry.server(principal.tenant, endpoint)) return
  throw new CountersignError(
    'not_found',
    `there is no tool server ${endpoint} for you; look at the path of the address`,
  )
}

/** The revision to speak with a legacy client: the one it asked for, or our newest. */
function negotiate(asked: string): string {
  return negotiableVersions.find((version) => version === asked) ?? legacyEra
}
