import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { startConsole } from './console-fixture.ts'

test('I9, R23: who signs in and what is refused is stored, without any token or its hash', async (t) => {
  const { get, auditBus, tokens } = await startConsole(t)
  const stored = async () => {
    const messages = await auditBus.readStream('LIFECYCLE', 1, { maxMessages: 100, maxBytes: 1e6 })
    return messages.map(({ subject, data }) => [subject, Buffer.from(data).toString()] as const)
  }
  const wrong = 'not-a-token-of-anybody'
  for (let count = 0; count < 5; count++) {
    await get('operator', '/approvals')
    await get(undefined, '/approvals', { authorization: `Bearer ${wrong}` })
    // Whoever sends none has only lost the way.
    await get(undefined, '/approvals')
  }
  await get('approver', '/approvals')
  const events = await until(async () => {
    const all = await stored()
    return all.length === 3 ? all : undefined
  }, 'they are stored')
  assert.deepEqual(
    events.map(([subject]) => subject),
    ['activity.default.signed_in', 'activity.platform.sign_in_refused', 'activity.default.signed_in'],
  )
  const [first, refused] = events.map(([, text]) => JSON.parse(text))
  assert.deepEqual([first.data.by, first.data.groups, first.data.address], ['operator', ['operators'], '127.0.0.1'])
  assert.deepEqual(refused.data.addresses, [{ address: '127.0.0.1', count: 1 }])
  for (const token of [...Object.values(tokens), wrong]) {
    const hash = createHash('sha256').update(token).digest('hex')
    for (const [, text] of events) assert.ok(!text.includes(token) && !text.includes(hash))
  }
})
