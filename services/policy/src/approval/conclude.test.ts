import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callFixture, requestedFixture } from '@countersign/testing'
import { type CallEventData, type CallEventName, History, makeEvent } from '@countersign/contracts'
import { epoch, factsFixture, pinnedTool, policies, policyText, toolDefinition } from '../../test/fixtures.ts'
import { conclude } from './conclude.ts'
import { recheck } from './recheck.ts'

const minute = 60_000
const at = (minutes: number) => new Date(epoch.getTime() + minutes * minute)
const call = callFixture()
const tool = pinnedTool('files', toolDefinition('read_file'))

/** The history of a held call with votes: who, what and at which minute. */
function held(
  votes: [string, 'approve' | 'reject', number][],
  terms: Partial<CallEventData<'held'>['approval']> = {},
): History {
  const approval = { groups: ['sre'], quorum: 2, notRequester: true, expiresAt: at(15).toISOString(), ...terms }
  const decision = { policyRevision: 'r', rules: [], facts: {} }
  const bound = { definitionDigest: tool.pinned!.digest, idempotent: false }
  const entry = <N extends CallEventName>(name: N, data: CallEventData<N>, now: Date, seq: number) => ({
    seq,
    name,
    event: makeEvent(name, data, { now }),
  })
  return new History([
    entry('requested', requestedFixture(call), epoch, 1),
    entry('held', { ...call, ...bound, approval, reason: 'r', decision }, epoch, 2),
    ...votes.map(([approver, vote, minutes], index) =>
      entry('voted', { ...call, approver, groups: ['sre'], vote }, at(minutes), index + 3),
    ),
  ] as never)
}

test('I4: a quorum is of distinct people', () => {
  assert.equal(conclude(held([['ann', 'approve', 1]]), at(2)).state, 'waiting')
  assert.equal(
    conclude(
      held([
        ['ann', 'approve', 1],
        ['ann', 'approve', 2],
      ]),
      at(2),
    ).state,
    'waiting',
  )
  const done = conclude(
    held([
      ['ann', 'approve', 1],
      ['bob', 'approve', 2],
    ]),
    at(3),
  )
  assert.ok(done.state === 'approved')
  assert.deepEqual(
    done.approvals.map(({ approver }) => approver),
    ['ann', 'bob'],
  )
  assert.deepEqual(done.expiresAt, at(7))
})

test('one rejection ends the wait, whatever else was said', () => {
  const done = conclude(
    held(
      [
        ['ann', 'approve', 1],
        ['bob', 'reject', 2],
      ],
      { quorum: 1 },
    ),
    at(3),
  )
  assert.ok(done.state === 'rejected')
  assert.match(done.message, /^bob rejected/)
})

test('I5: time ends the wait; votes given in time still count a little later', () => {
  assert.equal(conclude(held([['ann', 'approve', 1]]), at(15)).state, 'expired')
  assert.equal(
    conclude(
      held([
        ['ann', 'approve', 1],
        ['bob', 'approve', 14],
      ]),
      at(16),
    ).state,
    'approved',
  )
  assert.equal(
    conclude(
      held([
        ['ann', 'approve', 1],
        ['bob', 'approve', 14],
      ]),
      at(20),
    ).state,
    'expired',
  )
})

const twoVotes = held([
  ['ann', 'approve', 1],
  ['bob', 'approve', 2],
])
const hold = (quorum: number, groups = 'sre') =>
  policies(
    policyText('p', [`name: h, when: "true", effect: hold, approval: { groups: [${groups}], quorum: ${quorum} }`]),
  )

test('an approved call is judged again: the same policy lets it run', () => {
  assert.equal(recheck(factsFixture(hold(2), {}, { tool }), twoVotes).effect, 'allow')
})

test('I13: an approval of another definition is worth nothing', () => {
  const changed = pinnedTool('files', toolDefinition('read_file', { description: 'new' }))
  const verdict = recheck(factsFixture(hold(2), {}, { tool: changed }), twoVotes)
  assert.equal(verdict.effect === 'deny' && verdict.code, 'definition_changed')
  const quarantined = recheck(factsFixture(hold(2), {}, { tool: { ...tool, state: 'quarantined' } }), twoVotes)
  assert.equal(quarantined.effect === 'deny' && quarantined.code, 'quarantined')
})

test('I4: a policy that changed meanwhile counts: a denial denies, more approval is not there', () => {
  const denyAll = policies(policyText('p', ['name: no, when: "true", effect: deny']))
  for (const set of [denyAll, hold(3), hold(2, 'security')]) {
    const verdict = recheck(factsFixture(set, {}, { tool }), twoVotes)
    assert.equal(verdict.effect === 'deny' && verdict.code, 'policy')
  }
  assert.equal(recheck(factsFixture(hold(1), {}, { tool }), twoVotes).effect, 'allow')
})

test('a hold that ran out says how many approvals there were of how many', () => {
  const message = (quorum: number, votes: [string, 'approve', number][]) => {
    const end = conclude(held(votes, { quorum }), at(15))
    assert.ok(end.state === 'expired')
    return end.message
  }
  assert.match(message(1, []), /: 0 of 1 approval by /)
  assert.match(message(2, [['ann', 'approve', 1]]), /: 1 of 2 approvals by /)
})
