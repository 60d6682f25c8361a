import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { person, startWorld } from './policy-world.ts'

test('of many held calls the oldest are listed, as many as an answer holds, and it says that more wait', async (t) => {
  const world = await startWorld(t)
  const { bus } = await world.start()
  const asked = []
  // Large arguments: the answer is bounded in bytes before it is in number.
  const args = { text: 'x'.repeat(200_000) }
  for (let n = 0; n < 30; n++) asked.push((await world.request(args, { tool: 'write_file' })).at.callId)
  await until(
    async () => Object.keys((await bus.streamInfo('CALLS', 'calls.*.*.*.held')).subjects).length === 30,
    'held',
  )
  const list = (viewer: ReturnType<typeof person>, all = false) =>
    world.console.callApi(verbs.policy.approvals, { viewer, all })
  const { approvals, more } = await list(person('ann'))
  assert.ok(more)
  assert.ok(approvals.length >= 16 && approvals.length < 30, String(approvals.length))
  assert.deepEqual(
    approvals.map(({ callId }) => callId),
    asked.toSorted().slice(0, approvals.length),
  )
  assert.deepEqual(await list(person('zoe', ['others'])), { approvals: [], more: false })
})
