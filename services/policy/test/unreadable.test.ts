import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newCallId, subjects, verbs } from '@countersign/contracts'
import { person, startWorld, untilState } from './policy-world.ts'

test('I5: a held call that cannot be read hides no other from its approvers', async (t) => {
  const world = await startWorld(t)
  const { bus } = await world.start()
  const unreadable = { tenant: 'default', server: 'files', callId: newCallId(Date.now()) }
  const data = new TextEncoder().encode('not an event')
  await bus.store({ subject: subjects.call(unreadable, 'held'), data, msgId: 'unreadable' }, Date.now() + 10_000)
  const { at } = await world.request({}, { tool: 'write_file' })
  await untilState(world.gateway, at, 'held')
  // Twice: what was found out the first time is remembered.
  for (const round of ['first', 'second']) {
    const { approvals } = await world.console.callApi(verbs.policy.approvals, { viewer: person('ann') })
    assert.deepEqual(
      approvals.map(({ callId }) => callId),
      [at.callId],
      round,
    )
  }
})
