import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { test, type TestContext } from 'node:test'
import { until } from '@countersign/testing'
import { Agent } from 'undici'
import { Upstream } from '../../src/index.ts'
import { listenForToolChanges } from '../../src/upstream/notices.ts'

const changed = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'

/** A legacy tool server with sessions; a test says what becomes of a stream that is opened in one it knows. */
async function startServer(t: TestContext, onStream: (response: ServerResponse) => unknown) {
  const state = { opened: 0, known: new Set<string>(), streams: [] as string[], unknown: 404 }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const session = String(request.headers['mcp-session-id'])
    const { id, method } = JSON.parse(text || '{}') as { id?: number; method?: string }
    if (method === 'initialize') {
      state.known.add(`session-${++state.opened}`)
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } }
      response
        .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': `session-${state.opened}` })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    } else if (request.method !== 'GET') response.writeHead(202).end()
    else {
      state.streams.push(session)
      if (!state.known.has(session)) return void response.writeHead(state.unknown).end()
      onStream(response.writeHead(200, { 'content-type': 'text/event-stream' }))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const upstream = new Upstream({
    url,
    era: '2025-11-25',
    clientInfo: { name: 'test', version: '1' },
    maxResultBytes: 100_000,
    timeoutMs: 5000,
  })
  t.after(async () => {
    await upstream.close()
    server.closeAllConnections()
    server.close()
  })
  return { state, url, upstream }
}

test('a stream of notices that never ends a line is let go of, not kept', async (t) => {
  const piece = 'x'.repeat(64 * 1024)
  const limit = 32 * 1024 * 1024
  let written = 0
  let letGo = false
  const pieces = function* () {
    yield 'data: '
    for (; written < limit; written += piece.length) yield piece
  }
  const { upstream } = await startServer(t, (response) => pipeline(pieces, response).catch(() => (letGo = true)))
  upstream.onToolsChanged(() => {})
  await until(() => letGo || written >= limit, 'it is let go of')
  assert.ok(letGo && written < limit, `${written} characters were taken`)
})

for (const status of [404, 400]) {
  test(`a session that the server lost (HTTP ${status}) is opened anew to listen in`, async (t) => {
    const { state, upstream } = await startServer(t, (response) => response.write(changed))
    await upstream.connect()
    // As after a restart.
    state.known.clear()
    state.unknown = status
    let notices = 0
    upstream.onToolsChanged(() => notices++)
    await until(() => notices === 1, 'the notice is heard')
    assert.deepEqual(state.streams, ['session-1', 'session-2'])
    const outcome = await upstream.callTool({ name: 't', argumentsText: '{}', timeoutMs: 5000 })
    assert.deepEqual([outcome.kind, state.opened], ['garbage', 2], 'calls go on in the new session')
  })
}

test('a server that knows no session that it gave is not asked for a stream for ever', async (t) => {
  const { url } = await startServer(t, () => {})
  const agent = new Agent()
  t.after(() => agent.destroy())
  const lost: (string | undefined)[] = []
  const { ended } = listenForToolChanges({
    agent,
    url: new URL(url),
    retryMs: 1,
    open: async ({ session }) => {
      lost.push(session)
      return { method: 'GET', headers: { 'mcp-session-id': `unknown-${lost.length}` } }
    },
    onChanged: () => {},
  })
  await ended
  assert.deepEqual(lost, [undefined, 'unknown-1', 'unknown-2', 'unknown-3'])
})

test('a server that offers no stream, or has no sessions, is asked once', async (t) => {
  const { state, url } = await startServer(t, () => {})
  const agent = new Agent()
  t.after(() => agent.destroy())
  const listen = (headers: Record<string, string>) =>
    listenForToolChanges({
      agent,
      url: new URL(url),
      open: async () => ({ method: 'GET', headers }),
      onChanged: () => {},
    }).ended
  await listen({})
  state.unknown = 405
  await listen({ 'mcp-session-id': 'any' })
  assert.equal(state.streams.length, 2)
})
