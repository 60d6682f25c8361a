import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startTestBus } from '@countersign/testing'
import { answerAskers, askHolder } from '../src/call/ask-holder.ts'

test('an executor says which calls it has in hand, also when it is back a little later than who asks', async (t) => {
  const { connect } = await startTestBus(t)
  const [asker, holder] = await Promise.all([connect('agent-executor'), connect('agent-executor')])
  const asked = Promise.all(['held', 'ended'].map((callId) => askHolder(asker, 'holder', callId)))
  await pause(300)
  answerAskers(holder, 'holder', (callId) => callId === 'held')
  assert.deepEqual(await asked, [true, false])
  assert.equal(await askHolder(asker, 'another', 'held'), false)
})

test('I5: the silence of a bus that is away is nobody’s answer', async (t) => {
  const { connect, server } = await startTestBus(t)
  const asker = await connect('agent-executor')
  server.process.kill('SIGSTOP')
  await assert.rejects(askHolder(asker, 'holder', 'held'), /the bus went away/)
  server.process.kill('SIGCONT')
})
