import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorRow, type JsonObject } from '@countersign/contracts'
import type { UpstreamOutcome } from '@countersign/mcp'
import { endingOf } from './publish-outcome.ts'

/** The name and code of how a call of a tool ends that may not be repeated. */
function ends(outcome: UpstreamOutcome, attempt = 1) {
  const ending = endingOf(outcome, attempt > 1, attempt)
  return ending.name === 'succeeded' ? [ending.name] : [ending.name, ending.error.code, ending.error.message]
}
const result = (value: JsonObject) => ends({ kind: 'result', result: value })

test('R45: what is not the result of a tool has failed, and the tool ran: it is known how it ended, only not with what', () => {
  assert.deepEqual(result({ content: [] }), ['succeeded'])
  for (const value of [{ foo: 1 }, { structuredContent: { a: 1 } }, { content: [{ type: 'text' }] }]) {
    const [name, code, message] = result(value)
    assert.deepEqual([name, code], ['failed', 'result_invalid'])
    assert.match(message!, /^The tool ran, but what it answered is no result that MCP has \(content/)
  }
  const [name, code] = ends({ kind: 'invalid-result', message: '"result" must be an object' })
  assert.deepEqual([name, code, errorRow(code!).retryable], ['failed', 'result_invalid', false])
  assert.equal(ends({ kind: 'garbage', message: 'x' })[0], 'unknown')
  // The modern revision has results that are none yet.
  assert.equal(result({ resultType: 'input_required' })[1], 'upstream_refused')
})

test('R9: a tool server that takes no more calls is to be asked again, and the message says whether anything ran', () => {
  const busy = { kind: 'refused', status: 429, message: 'the server refused with HTTP 429' } as const
  const [name, code, message] = ends(busy)
  assert.deepEqual([name, code, errorRow(code!).retryable], ['failed', 'upstream_busy', true])
  assert.match(message!, /; nothing ran; ask again later/)
  assert.match(ends(busy, 2)[2]!, /it may have run in an earlier attempt/)
  assert.equal(ends({ ...busy, status: 403 })[1], 'upstream_refused')
})

test('R9: a result that is too large says how', () => {
  assert.match(
    ends({ kind: 'too-large', size: 'nested over 128 deep' })[2]!,
    /its result is nested over 128 deep and was/,
  )
})
