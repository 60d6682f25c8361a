import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callFixture } from '@countersign/testing'
import type { ApprovalView } from '@countersign/contracts'
import { checkVote } from './check-vote.ts'

const now = new Date('2026-01-01T00:00:00Z')
const view: ApprovalView = {
  ...callFixture(),
  arguments: { inline: {} },
  state: 'waiting',
  reason: 'r',
  groups: ['sre'],
  quorum: 2,
  notRequester: true,
  expiresAt: '2026-01-01T00:15:00Z',
  decision: { policyRevision: 'r', rules: [], facts: {} },
  heldAt: '2026-01-01T00:00:00Z',
  votes: [{ approver: 'ann', vote: 'approve', at: '2026-01-01T00:00:00Z' }],
}
const codeOf = (more: Partial<ApprovalView>, id = 'bob', groups = ['sre'], digest = view.digest) =>
  checkVote({ ...view, ...more }, { voter: { id, tenant: 'default', groups }, digest }, now)?.code

test('I4: a vote counts once, in time, over what is held, from who may give it', () => {
  assert.equal(codeOf({}), undefined)
  assert.equal(codeOf({ state: 'denied' }), 'approval_ended')
  assert.equal(codeOf({ expiresAt: '2026-01-01T00:00:00Z' }), 'approval_ended')
  assert.equal(codeOf({}, 'bob', ['sre'], `sha256:${'0'.repeat(64)}`), 'digest_mismatch')
  assert.equal(codeOf({}, 'bob', ['agents']), 'not_an_approver')
  assert.equal(codeOf({}, 'agent'), 'requester_may_not_vote')
  assert.equal(codeOf({ notRequester: false }, 'agent'), undefined)
  assert.equal(codeOf({}, 'ann'), 'already_voted')
})

test('a vote that comes too late is told how the call ended, never that it is open', () => {
  const said = (more: Partial<ApprovalView>) =>
    checkVote(
      { ...view, ...more },
      { voter: { id: 'bob', tenant: 'default', groups: ['sre'] }, digest: view.digest },
      now,
    )!.message
  assert.match(said({ state: 'allowed' }), /^the call was approved already, so no vote was counted; its history/)
  assert.match(said({ state: 'denied' }), /^the call was denied already/)
  assert.match(said({ state: 'cancelled' }), /^the call was withdrawn by its caller already/)
  assert.match(said({ expiresAt: '2026-01-01T00:00:00Z' }), /time to vote ended at .* must be asked for again/)
})
