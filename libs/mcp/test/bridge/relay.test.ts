import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { oddServer, openSession, startBridge, textOf } from './start-bridge.ts'

test('I3: parameters and results pass with their bytes; only ids and progress tokens are exchanged', async (t) => {
  const { port } = await startBridge(t, oddServer)
  const { post } = await openSession(port)
  const args = '{" ":1,"10":"é\\u0041\\/","2":[1.0,-0,1e2],"__proto__":{"a":"\\"}"}}'
  const params = (token: string) =>
    `{"name":"line","arguments":${args},"_meta":{"x":{"progressToken":9},"progressToken":${token}}}`
  const answer = await post(`{"jsonrpc":"2.0",\r\n "id":"mine","method":"tools/call","params":${params('"p"')}}`)
  assert.equal(answer.messages[0]!.id, 'mine')
  const line = textOf(answer)
  const { id } = JSON.parse(line) as { id: number }
  assert.equal(typeof id, 'number')
  assert.equal(line, `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params(String(id))}}`)
})

test('an answer is JSON, or an event stream once there was progress', async (t) => {
  const { port } = await startBridge(t, oddServer)
  const { call } = await openSession(port)
  const quiet = await call(1, 'line', { _meta: { progressToken: 'tok' } })
  assert.equal(quiet.headers['content-type'], 'application/json')
  const loud = await call('1', 'progress', { _meta: { progressToken: 'tok' } })
  assert.equal(loud.headers['content-type'], 'text/event-stream')
  const of = (progress: number) => ({
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken: 'tok', progress, total: 2 },
  })
  assert.deepEqual(loud.messages.slice(0, 2), [of(1), of(2)])
  assert.equal(textOf(loud), 'done')
})

test('a client withdraws its own requests only, although another has the same id in hand', async (t) => {
  const { port } = await startBridge(t, oddServer)
  const [one, two] = await Promise.all([openSession(port), openSession(port)])
  const state = async () =>
    JSON.parse(textOf(await one.call('state', 'cancelled'))) as { hanging: number; cancelled: { reason: string }[] }
  const hanging = [one.call(7, 'hang'), two.call(7, 'hang')]
  await until(async () => (await state()).hanging === 2, 'both hang')
  assert.equal((await one.call(7, 'line')).status, 400, 'an id in hand is not taken twice')
  await one.post({ method: 'notifications/cancelled', params: { requestId: '7' } })
  await one.post({ method: 'notifications/cancelled', params: { requestId: 7, reason: 'mine' } })
  await one.post({ method: 'notifications/cancelled', params: { requestId: 7, reason: 'again' } })
  await until(async () => (await state()).hanging === 1, 'one was withdrawn')
  assert.deepEqual(
    (await state()).cancelled.map(({ reason }) => reason),
    ['mine'],
  )
  // Whatever stays open ends with the bridge.
  for (const call of hanging) call.catch(() => {})
})

test('R45: an answer that is not what it should be is passed on as it is: the server did answer', async (t) => {
  const { port } = await startBridge(t, oddServer)
  const { call } = await openSession(port)
  assert.deepEqual((await call(1, 'null-result')).messages, [{ jsonrpc: '2.0', id: 1, result: null }])
  assert.deepEqual((await call(2, 'odd-error')).messages, [{ jsonrpc: '2.0', id: 2, error: 'no' }])
})

test('a server that answers initialize with nothing has refused it', async (t) => {
  const bridge = await startBridge(t, [...oddServer, '--null-initialize'])
  await bridge.exit
  assert.match(bridge.log(), /it refused initialize: null/)
})

test('what is no JSON-RPC is skipped, and the server may ask for nothing but a ping', async (t) => {
  const bridge = await startBridge(t, oddServer)
  const { call } = await openSession(bridge.port)
  assert.equal(textOf(await call(1, 'garbage')), 'done')
  await until(() => /not JSON: this is not JSON/.test(bridge.log()), 'it is logged')
  assert.match(bridge.log(), /server: the odd server is up/)
  await call(2, 'ask')
  const answers = await until(async () => {
    const all = JSON.parse(textOf(await call(3, 'answers'))) as {
      id: string
      error?: { code: number }
      result?: object
    }[]
    return all.length === 2 ? all : undefined
  }, 'the server has its answers')
  assert.deepEqual(
    answers.map(({ id, error, result }) => [id, error?.code, result]),
    [
      ['q1', -32601, undefined],
      ['q2', undefined, {}],
    ],
  )
})
