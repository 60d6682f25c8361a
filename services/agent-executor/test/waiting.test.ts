import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallEvent } from '@countersign/contracts'
import { register, scriptedTool, serverEntryFixture, startScriptedServer, until } from '@countersign/testing'
import { setUp } from './executor-world.ts'

test('a server that cannot be reached fails the call, and nothing ran', async (t) => {
  const { upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  await upstream.close()
  const { call } = await allow('echo')
  const { final } = await ended(call)
  const { error } = (final.event as CallEvent<'failed'>).data
  assert.deepEqual([error.code, /; nothing ran;/.test(error.message)], ['upstream_unreachable', true], error.message)
})

test('I6: a server that is started again in the midst of a call that was not sent yet is waited for', async (t) => {
  const tools = [scriptedTool('echo')]
  const { upstream, startExecutor, allow, ended, lifecycle, policy } = await setUp(t, tools)
  // Longer than any machine takes to start the server again.
  await startExecutor(undefined, 60_000)
  // Nobody listens, and the registry does not know it yet: the call is claimed and cannot be sent.
  await upstream.close()
  const { call } = await allow('echo')
  await until(async () => (await policy.history(call)).entries.length === 3, 'the call is claimed')
  const again = await startScriptedServer(t, tools)
  await register(lifecycle, serverEntryFixture('scripted', again.url, { restarts: 1 }), tools)
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  assert.equal(again.calls.length, 1)
})

test('I5: an executor that stops lets go of a call that waits for its server, and another one sends it', async (t) => {
  const tools = [scriptedTool('echo')]
  const { connect, upstream, startExecutor, allow, ended, lifecycle } = await setUp(t, tools)
  const { address: _none, ...away } = serverEntryFixture('scripted', upstream.url)
  await register(lifecycle, away, tools)
  const bus = await connect('agent-executor')
  const consume = bus.consume.bind(bus)
  let taken = 0
  bus.consume = (options) => consume({ ...options, handler: (delivery) => (taken++, options.handler(delivery)) })
  // Longer than the test lasts.
  const first = await startExecutor(bus, 600_000)
  const { call } = await allow('echo')
  await until(() => taken > 0, 'the first executor has the call')
  await first.stop()
  await register(lifecycle, serverEntryFixture('scripted', upstream.url, { restarts: 1 }), tools)
  await startExecutor()
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  assert.equal(upstream.calls.length, 1)
})

test('I13: a definition that changes while its call waits to be sent is not called', async (t) => {
  const [tool, changed] = [scriptedTool('echo'), { ...scriptedTool('echo'), description: 'Does something else now.' }]
  const { upstream, startExecutor, allow, ended, lifecycle, policy } = await setUp(t, [tool])
  await startExecutor(undefined, 60_000)
  await upstream.close()
  const { call } = await allow('echo')
  await until(async () => (await policy.history(call)).entries.length === 3, 'the call is claimed')
  const again = await startScriptedServer(t, [changed])
  await register(lifecycle, serverEntryFixture('scripted', again.url, { restarts: 1 }), [changed])
  const { final } = await ended(call)
  assert.equal((final.event as CallEvent<'failed'>).data.error.code, 'definition_changed')
  assert.equal(again.calls.length, 0)
})

test('I4: a call that waits to be sent until its grant has expired is not sent', async (t) => {
  const tools = [scriptedTool('echo')]
  const { upstream, startExecutor, allow, ended, lifecycle, policy } = await setUp(t, tools)
  await startExecutor(undefined, 60_000)
  await upstream.close()
  const expiresAt = new Date(Date.now() + 3000).toISOString()
  const { call } = await allow('echo', {}, { expiresAt })
  await until(async () => (await policy.history(call)).entries.length === 3, 'the call is claimed')
  await until(() => Date.now() >= Date.parse(expiresAt), 'the grant has expired')
  const again = await startScriptedServer(t, tools)
  // The tool's entry stays as it was, so that nothing is judged again for its sake.
  await register(lifecycle, serverEntryFixture('scripted', again.url, { restarts: 1 }), [])
  const { names, final } = await ended(call)
  const { error } = (final.event as CallEvent<'failed'>).data
  assert.deepEqual([names.at(-2), error.code], ['dispatched', 'grant_expired'])
  assert.match(error.message, /; nothing ran;/)
  assert.equal(again.calls.length, 0)
})

test('I6: a call that waited is sent when it is certain that it is still claimed, however long that takes to find out', async (t) => {
  const tools = [scriptedTool('echo')]
  const { connect, upstream, startExecutor, allow, ended, lifecycle, policy } = await setUp(t, tools)
  const bus = await connect('agent-executor')
  const history = bus.history.bind(bus)
  let silent = 2
  bus.history = async (at) => {
    if (silent-- > 0) throw new Error('no answer')
    return history(at)
  }
  await startExecutor(bus, 60_000)
  await upstream.close()
  const { call } = await allow('echo')
  const { entries } = await until(async () => {
    const read = await policy.history(call)
    return read.entries.length === 3 && read
  }, 'the call is claimed')
  await until(() => Date.now() - Date.parse(entries[2]!.event.time) > 1500, 'the claim is not fresh')
  const again = await startScriptedServer(t, tools)
  await register(lifecycle, serverEntryFixture('scripted', again.url, { restarts: 1 }), tools)
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  assert.ok(silent < 0)
  assert.equal(again.calls.length, 1)
})
