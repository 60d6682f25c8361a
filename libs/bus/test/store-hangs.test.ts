import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestBus } from '@countersign/testing'

test('I7, R43: of a server that hangs every reader learns the same, by its code', async (t) => {
  const { server, connect } = await startTestBus(t)
  const [gateway, audit] = await Promise.all([connect('gateway'), connect('audit')])
  const sessions = await gateway.bucket('sessions')
  const at = { tenant: 'default', server: '*', callId: '01890000-0000-7000-8000-000000000000' }
  const large = { text: 'x'.repeat(300_000) }
  const { carried } = await gateway.payloads.carry(large)
  const value = new Uint8Array([1])
  const readers = {
    get: () => sessions.get('one'),
    read: () => sessions.read('one'),
    put: () => sessions.put('one', value),
    replace: () => sessions.replace('one', value, 0),
    remove: () => sessions.remove('one'),
    history: () => gateway.history(at),
    carry: () => gateway.payloads.carry({ ...large, more: 1 }),
    fetch: () => gateway.payloads.fetch(carried),
    streamInfo: () => audit.streamInfo('CALLS'),
    newestOf: () => audit.newestOf('AUDIT', 'audit.>'),
    readStream: () => audit.readStream('CALLS', 1, { maxMessages: 1, maxBytes: 1000 }),
    consumerLag: () => audit.consumerLag('CALLS', 'audit'),
    consumerBacklog: () => audit.consumerBacklog('CALLS', 'audit'),
  }
  server.process.kill('SIGSTOP')
  await Promise.all(
    Object.entries(readers).map(([name, ask]) =>
      assert.rejects(
        ask,
        ({ code, message }: Error & { code?: unknown }) => {
          assert.equal(code, 'store_unavailable', `${name}: ${message}`)
          assert.match(message, /ask again/, name)
          return true
        },
        name,
      ),
    ),
  )
})
