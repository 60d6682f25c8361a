import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callIdFromKey, type JsonObject, maxInlineBytes, verbs } from '@countersign/contracts'
import { person, startWorld, untilState, type World } from './policy-world.ts'

const MiB = 1024 * 1024
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

/** Has a call held; the one after it is held later. */
async function hold(world: World, args: JsonObject, more: { callId?: string } = {}): Promise<string> {
  const { at } = await world.request(args, { tool: 'write_file', ...more })
  await untilState(world.gateway, at, 'held')
  return at.callId
}

const list = (world: World, viewer = person('ann'), all = false) =>
  world.console.callApi(verbs.policy.approvals, { viewer, all })

test('of many held calls the oldest are listed, as many as an answer holds, and it says that more wait', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const held = []
  for (let n = 0; n < 30; n++) {
    // Ids of calls with an idempotency key are hashes, which sort after all others.
    const keyed = n % 3 === 0 ? { callId: callIdFromKey('default', 'agent', `key ${n}`) } : {}
    // Large arguments: the answer is bounded in bytes before it is in number.
    held.push(await hold(world, { text: 'x'.repeat(200_000) }, keyed))
  }
  const { approvals, more } = await list(world)
  assert.ok(more)
  assert.deepEqual(
    approvals.map(({ callId }) => callId),
    held.slice(0, 10),
  )
  assert.deepEqual(await list(world, person('zoe', ['others'])), { approvals: [], more: false })
})

test('an answer is bounded in bytes, whatever the letters', async (t) => {
  const world = await startWorld(t)
  await world.start()
  // Three bytes each.
  const args = { text: '核'.repeat((maxInlineBytes - 20) / 3) }
  const held = []
  for (let n = 0; n < 33; n++) held.push(await hold(world, args))
  for (const all of [false, true]) {
    const { approvals, more } = await list(world, person('ann'), all)
    assert.ok(more)
    assert.deepEqual(
      approvals.map(({ callId }) => callId),
      held.slice(0, 7),
    )
    assert.ok(bytesOf(approvals) <= 2 * MiB)
  }
})

test('a held call that fills an answer by itself is listed', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const large = await hold(world, { text: 'x'.repeat(3 * MiB) })
  await hold(world, {})
  const { approvals, more } = await list(world)
  assert.deepEqual([approvals.map(({ callId }) => callId), more], [[large], true])
})
