import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectBus, encode } from '@countersign/bus'
import { callFieldsOf, CountersignError, digestOf, makeEvent, subjects } from '@countersign/contracts'
import { startGateways } from './start-gateways.ts'

test('I7, R43: while nats-server hangs, whoever asks is told that it does not answer, and what to do', async (t) => {
  const { urls, server, ask, post } = await startGateways(t, 1, 1000)
  const [url] = urls
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const initialize = () => post(url!, 'ann', { id: 1, method: 'initialize', params: hello })
  const callId = '01890000-0000-7000-8000-000000000000'
  const statusOf = (id: string) => ({ name: 'countersign_call_status', arguments: { callId: id } })
  const params = { name: 'files_wait', arguments: { a: 1 } }
  const keyed = { 'idempotency-key': 'one' }
  assert.equal((await initialize()).status, 200)

  server.process.kill('SIGSTOP')
  const [opened, legacy, modern, plain, withKey] = await Promise.all([
    initialize(),
    post(url!, 'ann', { id: 2, method: 'tools/call', params: statusOf(callId) }),
    ask(url!, 'ann', { method: 'tools/call', params: statusOf(callId) }),
    ask(url!, 'ann', { method: 'tools/call', params }),
    ask(url!, 'ann', { method: 'tools/call', params }, keyed),
  ])
  assert.deepEqual([opened.status, opened.body.error?.code], [200, -32000])
  assert.deepEqual([opened.body.error?.data.code, opened.body.error?.data.retryable], ['store_unavailable', true])
  assert.match(opened.body.error!.message, /does not answer; ask again/)
  for (const { status, body } of [legacy, modern]) {
    assert.deepEqual([status, body.result?.isError], [200, true])
    const { status: stands, code, retryable, message } = body.result!.structuredContent
    assert.deepEqual([stands, code, retryable], ['refused', 'store_unavailable', true])
    assert.match(message, /ask again/)
  }
  // Whether these were taken nobody knows: without a key asking again could run them twice.
  for (const [{ status, body }, retryable, next] of [
    [
      plain,
      false,
      /Do not call the tool again before you have asked countersign_call_status with callId [\w-]+: if there is/,
    ],
    [withKey, true, /Ask again with the same idempotency key/],
  ] as const) {
    const { structuredContent } = body.result!
    assert.deepEqual([status, structuredContent.status, structuredContent.code], [200, 'unknown', 'store_unavailable'])
    assert.equal(structuredContent.retryable, retryable)
    assert.match(structuredContent.message, next)
  }

  server.process.kill('SIGCONT')
  // What was sent meanwhile is there now, and with its key asked for once more it is the same call.
  const again = await ask(url!, 'ann', { method: 'tools/call', params }, keyed)
  const { structuredContent } = again.body.result!
  assert.equal(structuredContent.callId, withKey.body.result!.structuredContent.callId)
  assert.equal(structuredContent.status, 'running')
})

test('I6, R43: a call that ran is never said to be refused, also when its result cannot be fetched now', async (t) => {
  const { urls, buses, server, policy, ask, asked } = await startGateways(t, 1)
  const { url, passwords } = server
  const executor = await connectBus({ url, user: 'agent-executor', password: passwords['agent-executor'] })
  t.after(() => executor.close())
  // As it is when the object store is silent for a moment, just when the call has ended.
  buses[0]!.payloads.fetch = () => Promise.reject(new CountersignError('store_unavailable', 'silent'))
  for (const [count, headers, retryable] of [
    [1, {}, false],
    [2, { 'idempotency-key': 'one' }, true],
  ] as const) {
    const answer = ask(urls[0]!, 'ann', { method: 'tools/call', params: { name: 'files_wait' } }, headers)
    const at = { tenant: 'default', server: 'files', callId: await asked(count) }
    const { last } = await policy.history(at)
    const { replyTo } = last!.event.data as { replyTo: string }
    const fields = callFieldsOf(last!.event.data)
    const result = { content: [{ type: 'text', text: 'written' }] }
    const data = {
      ...fields,
      result: { inline: result },
      resultDigest: digestOf(result),
      toolError: false,
      durationMs: 1,
    }
    const event = makeEvent('succeeded', data, { now: new Date() })
    await executor.publishEvent(at, 'succeeded', event, last!.seq, Date.now() + 10_000)
    executor.hint(subjects.replies(replyTo), encode(event))
    const { structuredContent, isError } = (await answer).body.result!
    assert.deepEqual(
      [isError, structuredContent.status, structuredContent.code, structuredContent.callId],
      [false, 'running', 'store_unavailable', at.callId],
    )
    assert.equal(structuredContent.retryable, retryable)
    assert.match(structuredContent.message, /was taken, and goes on or has ended.*countersign_call_status/)
  }
})
