import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallEventData, makeEvent } from '@countersign/contracts'
import { callFixture } from '@countersign/testing'
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
  const context = { callId: call.callId, name: 'files_write_file', visible: async () => true }
  const result = await reply(undefined as never, { name: 'held', event: makeEvent('held', data, { now }) }, context)
  return (result.content as { text: string }[])[0]!.text
}

test('a held call says what it waits for, in the singular and the plural', async () => {
  assert.match(await heldText(1), /It needs 1 approval from sre or leads until 2026-11-22T10:15:00\.000Z\. Do not call/)
  assert.match(await heldText(2), /It needs 2 approvals from sre or leads/)
})
