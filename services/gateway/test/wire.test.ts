import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { until } from '@countersign/testing'
import { type Answered, startGateways } from './start-gateways.ts'

describe('what a request says of itself', () => {
  let gateways: Awaited<ReturnType<typeof startGateways>>
  let url: string
  const cleanups: (() => Promise<void> | void)[] = []
  before(async () => {
    gateways = await startGateways({ after: (clean) => void cleanups.push(clean) }, 1, 1000)
    url = gateways.urls[0]!
  })
  after(async () => {
    for (const clean of cleanups) await clean()
  })
  const send = (message: object | string, headers: Record<string, string> = {}, to = url) =>
    gateways.send(to, 'ann', typeof message === 'string' ? Buffer.from(message, 'latin1') : message, headers)
  const list = { id: 1, method: 'tools/list' }
  const initialize = (params?: object) => ({ id: 1, method: 'initialize', ...(params ? { params } : {}) })
  const isRefused = ({ status, body }: Answered, httpStatus: number, code: string, reason: RegExp, what = code) => {
    assert.deepEqual([status, body.error?.data.code], [httpStatus, code], what)
    assert.match(body.error!.message, reason)
    assert.doesNotMatch(body.error!.message, /\p{Cc}/u)
  }

  test('R35: a revision that is not served is refused by name, in a session and without', async () => {
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
    const { session } = await send(initialize(hello))
    for (const version of ['1999-01-01', '2024-11-05', 'banana', '2099-01-01', '']) {
      for (const more of [{}, { 'mcp-session-id': session }]) {
        const answer = await send(list, { 'mcp-protocol-version': version, ...more })
        isRefused(answer, 400, 'unsupported_version', /which is not served; served are 2025-11-25, /, version)
        // Of the codes of the modern era a legacy client knows none.
        assert.equal(answer.body.error!.code, -32600)
      }
      const notification = { method: 'notifications/initialized' }
      assert.equal((await send(notification, { 'mcp-protocol-version': version })).status, 400)
      // In `initialize` the body negotiates.
      assert.equal((await send(initialize(hello), { 'mcp-protocol-version': version })).status, 200)
    }
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26'])
      assert.equal((await send(list, { 'mcp-protocol-version': version })).status, 200)
    // In a session any that is served will do, and the session stays what it was.
    const older = await send(initialize({ ...hello, protocolVersion: '2025-06-18' }))
    assert.equal(older.body.result!.protocolVersion, '2025-06-18')
    const inSession = (version: string, message: object = list) =>
      send(message, { 'mcp-session-id': older.session, 'mcp-protocol-version': version })
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26']) {
      assert.equal((await inSession(version)).status, 200)
      assert.equal((await inSession(version, { method: 'notifications/initialized' })).status, 202)
      assert.equal((await inSession(version, initialize(hello))).status, 200)
    }
    // It would promise batches.
    const oldest = await send(initialize({ ...hello, protocolVersion: '2025-03-26' }))
    assert.equal(oldest.body.result!.protocolVersion, '2025-11-25')
    assert.equal((await send(list, { 'mcp-session-id': older.session })).status, 200)
    assert.equal((await send(list)).status, 200)
    const end = async (version: string) => {
      const headers = { authorization: 'Bearer token-of-ann', 'mcp-session-id': older.session }
      const response = await fetch(url, { method: 'DELETE', headers: { ...headers, 'mcp-protocol-version': version } })
      const text = await response.text()
      return [response.status, response.headers.get('allow'), text === '' ? undefined : JSON.parse(text).error.code]
    }
    assert.deepEqual(await end('1999-01-01'), [400, null, -32600])
    assert.deepEqual(await end('2026-07-28'), [405, 'POST', -32601])
    assert.deepEqual(await end('2025-11-25'), [204, null, undefined])
    const ended = await send(list, { 'mcp-session-id': older.session })
    isRefused(ended, 404, 'session_not_found', /initialize again/)
  })

  test('R35: a refusal by the rules of the eras has a code as every other has', async () => {
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }
    isRefused(await send(list, modern), 400, 'invalid_params', /envelope/)
    const mismatch = await gateways.ask(url, 'ann', { method: 'tools/list' }, { 'mcp-method': 'ping' })
    isRefused(mismatch, 400, 'header_mismatch', /Mcp-Method/)
    assert.equal(mismatch.body.error!.code, -32020)
    const name = { 'mcp-name': '=?base64?%%%?=' }
    const params = { name: 'files_wait', arguments: {} }
    isRefused(
      await gateways.ask(url, 'ann', { method: 'tools/call', params }, name),
      400,
      'header_mismatch',
      /Mcp-Name/i,
    )
  })

  test('I3, R35: a body that is not UTF-8, in another charset or packed is refused, and not guessed at', async () => {
    const call = (text: string) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"files_wait","arguments":{"a":"${text}"}}}`
    for (const bytes of ['a\xff\xfe', '\xc0\xaf', '\xed\xa0\x80'])
      isRefused(await send(call(bytes)), 400, 'parse_error', /bytes that are not UTF-8/)
    isRefused(await send('\xef\xbb\xbf{}'), 400, 'parse_error', /not JSON/)
    for (const charset of ['iso-8859-1', '"utf-16"', ''])
      isRefused(
        await send(list, { 'content-type': `application/json; charset=${charset}` }),
        415,
        'unsupported_media_type',
        /charset.*UTF-8/,
      )
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"'])
      assert.equal((await send(list, { 'content-type': `application/json; charset=${charset}` })).status, 200)
    isRefused(await send('\x1f\x8b', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type', /Content-Encoding/)
    isRefused(await send('\x1f\x8b'), 400, 'parse_error', /not UTF-8/)
    isRefused(await send('\x1b[2J'), 400, 'parse_error', /not JSON/)
    assert.deepEqual(await gateways.events(), [])
  })

  test('R35: initialize says what it speaks, and is asked of a server that there is', async () => {
    for (const params of [undefined, {}, { protocolVersion: 5 }])
      isRefused(await send(initialize(params)), 200, 'invalid_params', /protocolVersion/)
    const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
    isRefused(await send(initialize(hello), {}, `${url}/nope`), 200, 'not_found', /no tool server nope/)
    for (const method of ['server/discover', 'tools/list'])
      isRefused(await gateways.ask(`${url}/nope`, 'ann', { method }), 400, 'not_found', /no tool server nope/)
    assert.equal((await send(initialize(hello), {}, `${url}/files`)).status, 200)
  })

  test('R8: what is neither POST nor DELETE is refused with what is allowed', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'OPTIONS']) {
      const body =
        method === 'PUT' || method === 'PATCH' ? { body: 'x', headers: { 'content-type': 'text/plain' } } : {}
      for (const path of ['', '/files']) {
        const response = await fetch(url + path, { method, ...body })
        assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST, DELETE'], method)
        if (method === 'GET') assert.match(await response.text(), /where agents connect with MCP/)
      }
    }
  })

  test('R7: an idempotency key answers for a call that was withdrawn, and for its status', async () => {
    const params = { name: 'files_wait', arguments: { a: 1 } }
    const keyed = { 'idempotency-key': 'withdrawn' }
    const stored = async () => (await gateways.events()).map(({ event }) => event)
    const first = new AbortController()
    const lost = gateways.ask(url, 'ann', { method: 'tools/call', params }, keyed, first.signal)
    await until(async () => (await stored()).includes('requested'), 'the call is stored')
    first.abort()
    await assert.rejects(lost)
    await until(async () => (await stored()).includes('cancelled'), 'the call is withdrawn')
    const before = await stored()

    const again = await gateways.ask(url, 'ann', { method: 'tools/call', params }, keyed)
    const { callId } = again.body.result!.structuredContent
    const asked = { name: 'countersign_call_status', arguments: { callId } }
    for (const { body } of [again, await gateways.ask(url, 'ann', { method: 'tools/call', params: asked })]) {
      assert.equal(body.result!.structuredContent.status, 'cancelled')
      assert.match(
        body.result!.content[0].text,
        /With the same idempotency key you get this answer again for a day; use a new key/,
      )
    }
    assert.deepEqual(await stored(), before)
  })

  test('R7: an idempotency key is one key', async () => {
    const call = (header: string, inMeta: string) => {
      const _meta = { 'countersign.dev/idempotencyKey': inMeta }
      const params = { name: 'files_wait', arguments: {}, _meta }
      return send({ id: 1, method: 'tools/call', params }, { 'idempotency-key': header })
    }
    isRefused(await call('one', 'other'), 200, 'invalid_params', /Idempotency-Key.*differ/)
    assert.equal((await call('one', 'one')).body.result!.structuredContent.status, 'running')
  })
})
