import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const run = promisify(execFile)
const clientInfo = { name: 'countersign-e2e', version: '1.0.0' }

/** A client of the older official SDK (revision 2025-11-25). */
export async function legacyClient(url: string, token: string): Promise<LegacyClient> {
  const client = new LegacyClient(clientInfo)
  const transport = new LegacyTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  })
  // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
  await client.connect(transport)
  return client
}

/** A client of the newer official SDK, pinned to one revision. */
export async function modernClient(
  url: string,
  token: string,
  revision: '2025-11-25' | '2026-07-28',
): Promise<ModernClient> {
  const options = revision === '2026-07-28' ? { versionNegotiation: { mode: { pin: revision } } } : {}
  const client = new ModernClient(clientInfo, options)
  await client.connect(
    new ModernTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  )
  return client
}

/** The MCP Inspector's command line; resolves to the JSON it prints. */
export async function inspector(url: string, token: string, args: string[]): Promise<any> {
  const bin = fileURLToPath(new URL('../../node_modules/.bin/mcp-inspector', import.meta.url))
  const all = ['--cli', url, '--transport', 'http', '--header', `Authorization: Bearer ${token}`, ...args]
  const { stdout } = await run(process.execPath, [bin, ...all], { timeout: 60_000 })
  return JSON.parse(stdout)
}

/** One raw POST to the gateway; resolves to status, headers and the parsed body. */
export async function rawPost(
  url: string,
  token: string | undefined,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
}

let lastId = 0

/** One `tools/call` in the legacy era without a session; resolves to its result, or throws its JSON-RPC error. */
export async function callTool(url: string, token: string, name: string, args: object, meta?: object): Promise<any> {
  const params = { name, arguments: args, ...(meta ? { _meta: meta } : {}) }
  const { body } = await rawPost(url, token, { jsonrpc: '2.0', id: ++lastId, method: 'tools/call', params })
  if (body.error) throw Object.assign(new Error(body.error.message), { rpc: body.error })
  return body.result
}
