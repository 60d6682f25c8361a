import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type ToolCall, Upstream } from '@countersign/mcp'

/** A `tools/call` as it came. */
export interface RawCall {
  id: number
  headers: IncomingHttpHeaders
  progressToken: unknown
}

/** What a raw server does with a call; the JSON of its results is the test's own text. */
export type Behaviour = (call: RawCall, response: ServerResponse, calls: number) => void

/** Answers with a text as it stands. */
export const json =
  (text: (id: number) => string, status = 200, headers: Record<string, string> = {}): Behaviour =>
  ({ id }, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text(id))

/** The message with a result. */
export const resulting = (result: string) => (id: number) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`

/** A legacy tool server that answers calls with the very bytes that a test says, and a client of it. */
export async function callRaw(t: TestContext, { sessions = false } = {}) {
  const state = {
    calls: [] as RawCall[],
    opened: 0,
    /** Called when the server is asked to stop a call. */
    onCancelled: () => {},
    behaviour: json(resulting('{"content":[]}')),
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body)
      if (method === 'initialize') {
        state.opened += 1
        const session = sessions ? { 'mcp-session-id': `session-${state.opened}` } : {}
        const info = '"capabilities":{"tools":{}},"serverInfo":{"name":"raw","version":"1"}'
        const hello = { id, headers: request.headers, progressToken: undefined }
        return json(resulting(`{"protocolVersion":"2025-11-25",${info}}`), 200, session)(hello, response, 0)
      }
      if (method === 'notifications/cancelled') state.onCancelled()
      if (method !== 'tools/call') return void response.writeHead(202).end()
      const call = { id, headers: request.headers, progressToken: params._meta?.progressToken }
      state.calls.push(call)
      state.behaviour(call, response, state.calls.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const upstream = new Upstream({
    url,
    era: '2025-11-25',
    clientInfo: { name: 'test', version: '1' },
    maxResultBytes: 100_000,
    timeoutMs: 60_000,
  })
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await upstream.close()
  })
  const call = (behaviour: Behaviour, more: Partial<ToolCall> = {}) => {
    state.behaviour = behaviour
    return upstream.callTool({ name: 't', argumentsText: '{}', timeoutMs: 60_000, ...more })
  }
  return { state, call, url, upstream }
}
