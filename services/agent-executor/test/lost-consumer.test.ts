import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provision } from '@countersign/bus'
import { History } from '@countersign/contracts'
import { scriptedTool, until } from '@countersign/testing'
import { setUp } from './executor-world.ts'

test('I5: calls go on when the consumer of a server is taken away, and when its stream is made anew', async (t) => {
  const { connect, server, policy, upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  await startExecutor()
  const provisioner = await connect('provisioner')
  const goesOn = async () => assert.equal((await ended((await allow('echo')).call)).final.name, 'succeeded')
  await goesOn()
  provisioner.hint('$JS.API.CONSUMER.DELETE.CALLS.executor-scripted', new Uint8Array())
  await goesOn()
  provisioner.hint('$JS.API.STREAM.DELETE.CALLS', new Uint8Array())
  await until(
    () =>
      policy.streamInfo('CALLS').then(
        () => false,
        () => true,
      ),
    'the stream is gone',
  )
  await provision({ url: server.url, user: 'provisioner', password: server.passwords.provisioner })
  await goesOn()
  assert.equal(upstream.calls.length, 3)
})

test('I5: a history that is older than the grant is not taken for that of a call that ended', async (t) => {
  const { connect, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  const bus = await connect('agent-executor')
  const consume = bus.consume.bind(bus)
  bus.consume = (options) =>
    consume({
      ...options,
      async handler(delivery) {
        if (!delivery.redelivered) throw new Error('for later')
        await options.handler(delivery)
      },
    })
  // Read from a server that has not caught up yet.
  const history = bus.history.bind(bus)
  let reads = 0
  bus.history = async (at) => {
    const { entries } = await history(at)
    // First without the call, then without its grant.
    return new History(reads < 2 ? entries.slice(0, reads++) : entries)
  }
  await startExecutor(bus)
  const { call } = await allow('echo')
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  assert.equal(reads, 2)
})
