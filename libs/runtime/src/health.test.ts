import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Expectations, HealthServer } from './health.ts'

async function serve(t: TestContext, metricsText = async () => 'countersign_calls_total 1\n') {
  const expectations = new Expectations()
  const health = new HealthServer({ awaited: () => expectations.awaited, why: () => expectations.why, metricsText })
  const port = await health.listen('127.0.0.1', 0)
  t.after(() => health.close())
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  }
  return { expectations, health, ask }
}

test('a process that lives says so', async (t) => {
  const { ask } = await serve(t)
  assert.deepEqual(await ask('/livez'), { status: 200, type: 'text/plain; charset=utf-8', text: 'ok\n' })
})

test('I7: readiness names what is still awaited, and turns red again when it is lost', async (t) => {
  const { expectations, ask } = await serve(t)
  const ready = async () => {
    const { status, text } = await ask('/readyz')
    return [status, (JSON.parse(text) as { awaited: string[] }).awaited]
  }
  assert.deepEqual(await ready(), [200, []])
  const bus = expectations.expect('bus')
  const policy = expectations.expect('policy')
  assert.deepEqual(await ready(), [503, ['bus', 'policy']])
  bus(true)
  assert.deepEqual(await ready(), [503, ['policy']])
  policy(true)
  assert.deepEqual(await ready(), [200, []])
  bus(false, 'it is restarting')
  assert.deepEqual(await ready(), [503, ['bus']])
  assert.deepEqual(JSON.parse((await ask('/readyz')).text).why, { bus: 'it is restarting' })
  bus(true)
  assert.deepEqual(JSON.parse((await ask('/readyz')).text), { awaited: [], why: {} })
})

test('metrics are text; that they cannot be collected is said', async (t) => {
  const good = await serve(t)
  const metrics = await good.ask('/metrics')
  assert.equal(metrics.status, 200)
  assert.match(metrics.type!, /^text\/plain; version=0\.0\.4/)
  assert.equal(metrics.text, 'countersign_calls_total 1\n')
  const broken = await serve(t, () => Promise.reject(new Error('secret detail')))
  assert.deepEqual(await broken.ask('/metrics'), {
    status: 500,
    type: 'text/plain; charset=utf-8',
    text: 'metrics could not be collected\n',
  })
})

test('a query changes nothing; other paths and methods are refused', async (t) => {
  const { ask } = await serve(t)
  assert.equal((await ask('/livez?verbose=1')).status, 200)
  assert.equal((await ask('/')).status, 404)
  assert.equal((await ask('/readyz', { method: 'POST' })).status, 405)
})

test('a port that is taken is an error, not a silence', async (t) => {
  const { health } = await serve(t)
  const again = new HealthServer({ awaited: () => [], metricsText: async () => '' })
  t.after(() => again.close())
  const other = new HealthServer({ awaited: () => [], metricsText: async () => '' })
  const port = await other.listen('127.0.0.1', 0)
  t.after(() => other.close())
  await assert.rejects(again.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
  health.close()
})
