import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallEventData, type CallEventName, type Json, type JsonObject, makeEvent } from '@countersign/contracts'
import { callFixture } from '@countersign/testing'
import { inEra } from '../mcp/in-era.ts'
import { reply } from './reply.ts'

const now = new Date('2026-11-22T10:00:00Z')

async function heldText(quorum: number): Promise<string> {
  const call = callFixture()
  const data: CallEventData<'held'> = {
    ...call,
    definitionDigest: call.digest,
    idempotent: false,
    approval: { groups: ['sre', 'leads'], quorum, notRequester: true, expiresAt: '2026-11-22T10:15:00.000Z' },
    reason: 'Writes need a person.',
    decision: { policyRevision: 'r', rules: [], facts: {} },
  }
  const context = { callId: call.callId, name: 'files_write_file', visible: async () => true, keyed: false }
  const result = await reply(undefined as never, { name: 'held', event: makeEvent('held', data, { now }) }, context)
  return (result.content as { text: string }[])[0]!.text
}

test('a held call says what it waits for, in the singular and the plural', async () => {
  assert.match(await heldText(1), /It needs 1 approval from sre or leads until 2026-11-22T10:15:00\.000Z\. Do not call/)
  assert.match(await heldText(2), /It needs 2 approvals from sre or leads/)
})

/** The answer to a call that ended so, and whether it had an idempotency key. */
async function answerOf(name: CallEventName, more: object, keyed = false): Promise<Record<string, any>> {
  const event = makeEvent(name, { ...callFixture(), ...more } as never, { now })
  const bus = { payloads: { fetch: async ({ inline }: { inline: JsonObject }) => inline } }
  return reply(bus as never, { name, event }, { callId: 'id', name: 'files_read', visible: async () => true, keyed })
}

test('a call that goes on is no error, so that the model does not ask for it again', async () => {
  const context = { callId: 'id', name: 'files_read', visible: async () => true, keyed: false }
  const { isError, structuredContent, content } = await reply(undefined as never, { name: 'timeout' }, context)
  assert.equal(isError, false)
  assert.deepEqual(
    [(structuredContent as JsonObject).status, (structuredContent as JsonObject).callId],
    ['running', 'id'],
  )
  assert.match(JSON.stringify(content), /Do not call the tool again; ask countersign_call_status/)
})

test('R7: an idempotency key answers for how its call ended, and the answer says when to use a new one', async () => {
  const unreachable = {
    error: { code: 'upstream_unreachable', message: 'Nothing ran; ask again later.' },
    durationMs: 1,
  }
  const expired = { reason: { code: 'expired', message: 'Nobody approved it.' } }
  const cancelled = { reason: 'the caller withdrew' }
  const unfit = { reason: { code: 'invalid_arguments', message: 'Correct them and call again.' } }
  for (const [name, more, retryable] of [
    ['failed', unreachable, true],
    ['denied', expired, true],
    ['cancelled', cancelled, false],
    // The key is that call's: with other arguments it would be a conflict.
    ['denied', unfit, false],
  ] as const) {
    const [plain, keyed] = [await answerOf(name, more), await answerOf(name, more, true)]
    assert.equal(plain.structuredContent.retryable, retryable, name)
    assert.doesNotMatch(plain.content[0].text, /key/)
    assert.equal(keyed.structuredContent.retryable, false, name)
    assert.match(
      keyed.content[0].text,
      /With the same idempotency key you get this answer again for a day; use a new key\.$/,
    )
  }
  const ran = { error: { code: 'result_too_large', message: 'The tool ran.' }, durationMs: 1 }
  assert.equal((await answerOf('failed', ran, true)).content[0].text, 'The tool ran.', 'what ran is not asked for anew')
})

test('I10, I13: of a denied call of a tool that is in no list only what policy says of its quarantine is told', async () => {
  const answered = (code: string) => {
    const denied = { ...callFixture(), reason: { code, message: 'An operator must accept the change.' } }
    const event = makeEvent('denied', denied as never, { now })
    const context = { callId: 'id', name: 'files_read', visible: async () => false, keyed: false }
    return reply(undefined as never, { name: 'denied', event }, context)
  }
  const { isError, structuredContent } = await answered('quarantined')
  const { code, message } = structuredContent as JsonObject
  assert.deepEqual([isError, code, message], [true, 'quarantined', 'An operator must accept the change.'])
  for (const hidden of ['policy', 'invalid_arguments', 'unknown_tool'])
    await assert.rejects(answered(hidden), { code: 'unknown_tool' })
})

test('a JSON-RPC error of the tool server is a result that the model can read', async () => {
  const message = 'The tool server answered with error -32602: no such file'
  const upstream = { code: -32602, message: 'no such file' }
  const answer = await answerOf('failed', { error: { code: 'upstream_error', message }, upstream, durationMs: 1 })
  assert.equal(answer.isError, true)
  assert.equal(answer.content[0].text, message)
  const { status, code, retryable } = answer.structuredContent
  assert.deepEqual(
    [status, code, retryable, answer.structuredContent.upstream],
    ['failed', 'upstream_error', false, upstream],
  )
})

test('R35: what a modern tool answers is put in the words of a legacy caller, and says nothing of the hop to it', async () => {
  const answered = async (structuredContent: Json, content: Json = [{ type: 'text', text: 'one' }]) => {
    const meta = { 'io.modelcontextprotocol/serverInfo': { name: 'secret-host', version: '1' }, 'example.com/own': 1 }
    const result = { resultType: 'complete', content, structuredContent, _meta: meta }
    return answerOf('succeeded', { result: { inline: result }, resultDigest: '', toolError: false, durationMs: 1 })
  }
  const _meta = { 'example.com/own': 1, 'countersign.dev/callId': 'id' }
  const content = [{ type: 'text', text: 'one' }]
  const list = await answered([1, 2])
  assert.deepEqual(inEra(list, '2026-07-28'), { resultType: 'complete', content, structuredContent: [1, 2], _meta })
  assert.deepEqual(inEra(list, '2025-11-25'), { content, _meta })
  assert.deepEqual(inEra(await answered({ a: 1 }), '2025-11-25'), { content, structuredContent: { a: 1 }, _meta })
  for (const value of [[1, 2], 'x', 5, false, null])
    assert.deepEqual(inEra(await answered(value, []), '2025-11-25').content, [
      { type: 'text', text: JSON.stringify(value) },
    ])
})
