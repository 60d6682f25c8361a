import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { verifyCallProof } from './verify-call-proof.ts'

test('the proof among the examples of the wire contract verifies', () => {
  const path = new URL('../../../../proto/examples/call-proof/valid-approved-call.json', import.meta.url)
  const { events, logSize, callId } = verifyCallProof(readFileSync(path, 'utf8'))
  assert.deepEqual(
    events.map(({ event }) => event),
    ['requested', 'held', 'voted', 'allowed', 'dispatched', 'succeeded'],
  )
  assert.deepEqual([logSize, callId], [6, '01a202b2-c500-7a3c-9b1e-5d2f40c6e871'])
})
