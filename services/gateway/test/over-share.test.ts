import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { type Answered, startGateways } from './start-gateways.ts'

const call = { method: 'tools/call', params: { name: 'files_wait', arguments: {} } }
const initialize = {
  ...{ id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

/** A gateway of which the tenant `default` asked for one call more than it may and than may wait; what waits does so for as long as the test takes. */
async function startFlooded(t: Parameters<typeof startGateways>[0]) {
  const caller = new AbortController()
  // Before the gateway is closed, which waits for calls.
  t.after(() => caller.abort())
  const gateways = await startGateways(t, 1, 30_000, {
    tenantCallsPerSecond: 0.001,
    shareWaitMs: 3_600_000,
    maxBodyBytes: 1_000_000,
  })
  const url = gateways.urls[0]!
  // One is let in, and stays, because nobody decides; a hundred wait.
  const calls = Array.from({ length: 102 }, () => gateways.ask(url, 'ann', call, {}, caller.signal))
  const unanswered = Promise.allSettled(calls)
  const first = await Promise.race(calls)
  return { ...gateways, url, first, withdraw: () => (caller.abort(), unanswered) }
}

/** Sends requests of ann's as they are given, each on a connection of its own, whether their bodies are whole or not; resolves to the answer. */
function requester(t: Parameters<typeof startGateways>[0], url: string) {
  const { port } = new URL(url)
  return async (header: string, body: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    t.after(() => void socket.destroy())
    const head = [
      'POST /mcp HTTP/1.1',
      `host: 127.0.0.1:${port}`,
      'content-type: application/json',
      'authorization: Bearer token-of-ann',
      header,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString()
  }
}

const inOneChunk = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

test('I7, R39, R42: a call of a tenant far over its share is refused as a result that says when to ask again, and nothing is stored of it', async (t) => {
  const { url, first, ask, post, asked, events, notStored } = await startFlooded(t)
  for (const { status, headers, body } of [
    first,
    await ask(url, 'bob', call),
    await post(url, 'bob', { id: 1, ...call }),
  ]) {
    const { isError, content, structuredContent } = body.result!
    assert.deepEqual([status, body.id, isError], [200, 1, true])
    assert.deepEqual(
      [structuredContent.status, structuredContent.code, structuredContent.retryable],
      ['refused', 'overloaded', true],
    )
    assert.match(content[0].text, /asks for more; nothing was stored, ask again in 4600000 ms$/)
    assert.equal(headers.get('retry-after'), '4600')
  }
  assert.deepEqual(notStored, ['overloaded', 'overloaded', 'overloaded'])
  await asked(1)
  assert.equal((await events()).length, 1)
})

test('R8, R39: of a tenant far over its share a body that is far longer than usual is refused unread, or as it was read when nothing said so', async (t) => {
  const { url, send, notStored, withdraw } = await startFlooded(t)
  const answerTo = requester(t, url)
  for (const [header, body] of [
    ['content-length: 300000', ''],
    ['transfer-encoding: chunked', inOneChunk('x'.repeat(300_000))],
  ] as const) {
    const answer = await answerTo(header, body)
    assert.match(answer, /^HTTP\/1\.1 503 /)
    assert.match(answer, /\r\nretry-after: 4600\r\n/i)
    assert.match(answer, /"id":null.*"code":"overloaded","retryable":true/)
  }
  assert.deepEqual(notStored.slice(-2), ['overloaded', 'overloaded'])
  // It is as long as it may be for others, and for the tenant itself when it asks for less.
  const long = { id: 1, method: 'ping', params: { _meta: { padding: 'x'.repeat(300_000) } } }
  assert.equal((await send(url, 'ann-elsewhere', long)).status, 200)
  assert.equal((await send(url, 'ann', long)).status, 503)
  await withdraw()
  await until(async () => (await send(url, 'ann', long)).status === 200, 'those that waited are gone')
})

test('R39: of a tenant far over its share a usual call is refused as a result, in chunks too', async (t) => {
  const { url } = await startFlooded(t)
  const answerTo = requester(t, url)
  const message = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 7, method: 'tools/call' },
    params: { name: 'files_wait', arguments: { content: 'x'.repeat(200_000) } },
  })
  for (const [header, body] of [
    [`content-length: ${message.length}`, message],
    ['transfer-encoding: chunked', inOneChunk(message)],
  ] as const) {
    const answer = await answerTo(header, body)
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.match(answer, /"id":7,"result":.*"code":"overloaded","retryable":true/)
  }
})

test('I7: what is no call of a tenant far over its share is served, and so are the calls of others', async (t) => {
  const { url, ask, post, notStored } = await startFlooded(t)
  const codeOf = ({ body }: Answered) => body.result?.['structuredContent']?.code ?? body.error?.data['code']
  const { session, body } = await post(url, 'ann', initialize)
  assert.equal(body.result!['protocolVersion'], '2025-11-25')
  assert.equal((await post(url, 'ann', { id: 2, method: 'tools/list' }, session)).body.result!['tools'].length, 3)
  assert.equal((await ask(url, 'ann', { method: 'tools/list' })).body.result!['tools'].length, 3)
  const status = { name: 'countersign_call_status', arguments: { callId: '00000000-0000-7000-8000-000000000000' } }
  assert.equal(codeOf(await ask(url, 'ann', { method: 'tools/call', params: status })), 'unknown_call')
  // The other tenant has no such tool: its call got as far as that.
  assert.equal(codeOf(await ask(url, 'ann-elsewhere', call)), 'unknown_tool')
  assert.deepEqual(notStored, ['overloaded'])
})
