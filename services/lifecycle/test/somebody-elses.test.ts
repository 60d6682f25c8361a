import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedTool, startScriptedServer, until } from '@countersign/testing'
import { conditionOf, document, makeWorld, startLifecycle, untilVerified } from './start-lifecycle.ts'

const url = (address: string) => ({ type: 'Url', url: { url: address } })

test('I12: a server that somebody else runs can be called all the time while lifecycle stops and starts', async (t) => {
  const upstream = await startScriptedServer(t, [scriptedTool('echo')])
  const world = await makeWorld(t)
  world.write('theirs.yaml', document('theirs', url(upstream.url)))
  const first = await startLifecycle(world)
  await untilVerified(world, 'theirs')
  const before = world.history('theirs').length
  await first.stop()
  await startLifecycle(world)
  await until(() => world.history('theirs').length > before, 'the entry is written anew')
  await untilVerified(world, 'theirs')
  const addresses = world
    .history('theirs')
    .slice(before - 1)
    .map(({ address }) => address?.url)
  assert.deepEqual(new Set(addresses), new Set([upstream.url]))
})

test('I13: a document that changed while lifecycle was away takes the old address out of the registry', async (t) => {
  const [old, other] = await Promise.all([1, 2].map(() => startScriptedServer(t, [scriptedTool('echo')])))
  const world = await makeWorld(t)
  world.write('theirs.yaml', document('theirs', url(old!.url)))
  const first = await startLifecycle(world)
  await untilVerified(world, 'theirs')
  await first.stop()
  const before = world.history('theirs').length
  world.write('theirs.yaml', document('theirs', url(other!.url)))
  await startLifecycle(world)
  await until(() => world.server('theirs')?.address?.url === other!.url, 'the new address is there')
  assert.equal(conditionOf(world.server('theirs'), 'Verified'), 'True/Verified')
  const addresses = world
    .history('theirs')
    .slice(before)
    .map(({ address }) => address?.url)
  assert.ok(!addresses.includes(old!.url), JSON.stringify(addresses))
})
