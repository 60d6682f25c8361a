import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { startGateways } from './start-gateways.ts'

const list = { id: 1, method: 'tools/list' }

test('I9, R23: who is not let in is in the log, with how often and from where, and without any token', async (t) => {
  const { urls, send, activities } = await startGateways(t, 1)
  const wrong = 'not-a-token-of-anybody'
  for (let count = 0; count < 50; count++) {
    assert.equal((await send(urls[0]!, 'ann', list, { authorization: `Bearer ${wrong}` })).status, 401)
    assert.equal((await send(urls[0]!, 'late', list)).status, 401)
    assert.equal((await send(urls[0]!, 'olga', list)).status, 403)
    // Whoever sends none has only lost the way.
    assert.equal((await fetch(urls[0]!, { method: 'POST', body: '{}' })).status, 401)
    assert.equal((await send(urls[0]!, 'ann', list)).status, 200)
  }
  const stored = await until(async () => {
    const all = await activities()
    return all.length === 3 ? all : undefined
  }, 'the first of each is stored')
  assert.deepEqual(
    stored.map(({ subject }) => subject),
    ['activity.platform.token_refused', 'activity.default.caller_refused', 'activity.elsewhere.caller_refused'],
  )
  const [token, late, caller] = stored.map(({ text }) => JSON.parse(text).data)
  assert.deepEqual([token.by, token.count, token.addresses], ['gateway', 1, [{ address: '127.0.0.1', count: 1 }]])
  assert.deepEqual([late.by, late.count, late.code], ['late', 1, 'unauthenticated'])
  assert.deepEqual([caller.by, caller.count, caller.code, caller.resource.name], ['olga', 1, 'forbidden', 'gateway'])
  for (const secret of [wrong, 'token-of-late', 'token-of-olga'])
    for (const { text } of stored)
      assert.ok(!text.includes(secret) && !text.includes(createHash('sha256').update(secret).digest('hex')))
})

test('R23: a store that does not take the record of a refusal neither holds up nor fails a request', async (t) => {
  const stuck = Promise.withResolvers<never>()
  t.after(() => stuck.reject(new Error('the test is over')))
  const { urls, send } = await startGateways(t, 1, 30_000, { activityStore: { store: () => stuck.promise } })
  assert.equal((await send(urls[0]!, 'late', list)).status, 401)
  assert.equal((await send(urls[0]!, 'olga', list)).status, 403)
  assert.equal((await send(urls[0]!, 'ann', list)).status, 200)
})

test('R8: of whom is not let in no body is taken in: the refusal comes before it', async (t) => {
  const { urls } = await startGateways(t, 1)
  const { port } = new URL(urls[0]!)
  /** Sends a head that announces a body, and none of the body; resolves to the first line of the answer. */
  const announced = async (path: string, headers: string[]) => {
    const socket = connect(Number(port), '127.0.0.1')
    t.after(() => void socket.destroy())
    const all = ['content-type: application/json', 'content-length: 90000', ...headers]
    socket.write(`POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`)
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString().split('\r\n')[0]
  }
  const host = `host: 127.0.0.1:${port}`
  assert.match((await announced('/mcp', [host]))!, / 401 /)
  assert.match((await announced('/mcp/files', [host, 'authorization: Bearer wrong']))!, / 401 /)
  assert.match((await announced('/mcp', [host, 'authorization: Bearer token-of-olga']))!, / 403 /)
  assert.match((await announced('/mcp', ['host: example.com', 'authorization: Bearer token-of-ann']))!, / 403 /)
  assert.match((await announced('/elsewhere', [host]))!, / 404 /)
})
