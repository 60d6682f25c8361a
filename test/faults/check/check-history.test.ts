import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CallEventName,
  callFieldsOf,
  digestOf,
  History,
  makeEvent,
  maxClockSkewMs,
  newCallId,
} from '@countersign/contracts'
import { allowedFixture, callFixture, newGrantSigner, requestedFixture } from '@countersign/testing'
import { checkHistory } from './check-history.ts'

const signer = newGrantSigner()
const args = { a: 1 }
const digest = digestOf(args)
const otherDigest = digestOf({ a: 2 })
const definitionDigest = digestOf({})
const now = new Date()

/** How a history is not as a good one. */
interface Edit {
  names?: CallEventName[]
  /** Of each event, where they are not 1, 2, 3. */
  seqs?: number[]
  claims?: object
  allowedArgs?: { a: number }
  signature?: string
  /** Two people were asked, and these approved; `voters` voted, where that is somebody else. */
  held?: { approvers: string[]; voters?: string[]; notRequester?: boolean; over?: string[]; votesOver?: string[] }
  /** The definition that was dispatched with. */
  dispatchedWith?: string
  /** How long after everything else it was dispatched, as the executor says, and was stored, as the store says. */
  saidAfterMs?: number
  storedAfterMs?: number
}

/** A good history, with ways to break it. */
function history(edit: Edit = {}): History {
  const call = callFixture({}, args)
  const fields = callFieldsOf(call)
  const { approvers = [], voters = approvers, notRequester = true, over = [], votesOver = over } = edit.held ?? {}
  const votes = voters.map((approver, n) => ({ approver, digest: votesOver[n] ?? digest }))
  const at = now.toISOString()
  const approvals = approvers.map((approver, n) => ({ approver, at, digest: over[n] ?? digest }))
  const allowed = allowedFixture(signer, call, args, { definitionDigest, approvals, ...edit.claims })
  if (edit.allowedArgs) allowed.arguments = { inline: edit.allowedArgs }
  if (edit.signature) allowed.grant.signature = edit.signature
  const approval = { groups: ['sre'], quorum: 2, notRequester, expiresAt: allowed.deadline }
  const decision = { policyRevision: 'test', rules: [], facts: {} }
  const held = { ...fields, definitionDigest, idempotent: false, approval, reason: 'it writes', decision }
  const all = {
    requested: makeEvent('requested', requestedFixture(call, args), { now }),
    held: makeEvent('held', held, { now }),
    allowed: makeEvent('allowed', allowed, { now }),
    denied: makeEvent('denied', { ...fields, reason: { code: 'policy', message: 'no' } }, { now }),
    dispatched: makeEvent(
      'dispatched',
      { ...fields, executor: 'e', attempt: 1, definitionDigest: edit.dispatchedWith ?? definitionDigest },
      { now: new Date(now.getTime() + (edit.saidAfterMs ?? 0)) },
    ),
    succeeded: makeEvent(
      'succeeded',
      { ...fields, result: { inline: {} }, resultDigest: digestOf({}), toolError: false, durationMs: 1 },
      { now },
    ),
  }
  const voted = votes.map((vote) =>
    makeEvent('voted', { ...fields, ...vote, groups: ['sre'], vote: 'approve' }, { now, distinct: vote.approver }),
  )
  const waits: CallEventName[] = edit.held ? ['held', ...voted.map(() => 'voted' as const)] : []
  const names = edit.names ?? ['requested', ...waits, 'allowed', 'dispatched', 'succeeded']
  return new History(
    names.map((name, index) => ({
      seq: edit.seqs?.[index] ?? index + 1,
      name,
      event: name === 'voted' ? voted.shift()! : all[name as keyof typeof all],
    })),
  )
}

/** What the checker says, without the names of the events. */
function problemsOf(edit: Edit = {}): string[] {
  const edited = history(edit)
  const storedAt = new Map(
    edited.entries.map(({ seq, name }) => [
      seq,
      now.getTime() + (name === 'dispatched' ? (edit.storedAfterMs ?? 0) : 0),
    ]),
  )
  return checkHistory(edited, signer.publicPem, storedAt).map((problem) => problem.slice(0, problem.indexOf(': ')))
}

/** A grant that is good for a minute, to the millisecond. */
const grantMs = 60_000
const forAMinute = {
  claims: { notBefore: now.toISOString(), expiresAt: new Date(now.getTime() + grantMs).toISOString() },
}

test('R18: the checker of histories passes good ones', () => {
  assert.deepEqual(problemsOf(), [])
  assert.deepEqual(problemsOf({ seqs: [3, 4, 8, 9] }), [])
  assert.deepEqual(problemsOf({ held: { approvers: ['ann', 'bob'] } }), [])
  assert.deepEqual(problemsOf({ held: { approvers: ['ann', 'agent'], notRequester: false } }), [])
  assert.deepEqual(problemsOf(forAMinute), [])
  // The store's clock may be ahead of the executor's.
  const [saidAfterMs, storedAfterMs] = [grantMs - 1, grantMs + maxClockSkewMs - 1]
  assert.deepEqual(problemsOf({ ...forAMinute, saidAfterMs, storedAfterMs }), [])
})

/** Each way in which a history can be wrong, and all that must be said of it. */
const broken: [what: string, edit: Edit, ...problems: string[]][] = [
  ['no end', { names: ['requested', 'allowed', 'dispatched'] }, 'I5 0 final events'],
  [
    'no grant',
    { names: ['requested', 'dispatched', 'succeeded'] },
    'I2 dispatched may not follow requested',
    'I1 dispatched without a grant that verifies',
  ],
  ['no request', { names: ['allowed', 'dispatched', 'succeeded'] }, 'I2 allowed may not follow undefined'],
  [
    'two decisions',
    { names: ['requested', 'denied', 'allowed', 'dispatched', 'succeeded'] },
    'I2 allowed may not follow denied',
    'I2 more than one decision',
    'I5 2 final events',
  ],
  ['a sequence twice', { seqs: [1, 2, 2, 3] }, 'I2 sequences do not grow'],
  ['sequences that fall', { seqs: [1, 3, 2, 4] }, 'I2 sequences do not grow'],
  [
    'dispatched twice',
    { names: ['requested', 'allowed', 'dispatched', 'dispatched', 'succeeded'] },
    'I6 sent twice and not idempotent',
  ],
  [
    'two ends',
    { names: ['requested', 'allowed', 'dispatched', 'succeeded', 'succeeded'] },
    'I2 succeeded may not follow succeeded',
    'I5 2 final events',
  ],
  ['a grant for another call', { claims: { callId: newCallId(0) } }, 'I4 the grant is for another callId'],
  ['a grant of another tenant', { claims: { tenant: 'other' } }, 'I4 the grant is for another tenant'],
  ['a grant for another server', { claims: { server: 'other' } }, 'I4 the grant is for another server'],
  ['a grant for another tool', { claims: { tool: 'other' } }, 'I4 the grant is for another tool'],
  ['a grant for another caller', { claims: { principal: 'other' } }, 'I4 the grant is for another principal'],
  [
    'a grant for other arguments',
    { claims: { digest: otherDigest } },
    'I4 the grant is for another digest',
    'I3 the digest is of something else',
  ],
  [
    'other arguments with the grant',
    { allowedArgs: { a: 2 } },
    'I3 the arguments were edited',
    'I3 the digest is of something else',
  ],
  ['a grant that is not signed', { signature: 'AAAA' }, 'I1 dispatched without a grant that verifies'],
  ['one approval of two', { held: { approvers: ['ann'] } }, 'I4 fewer people than the quorum'],
  ['one person twice', { held: { approvers: ['ann', 'ann'] } }, 'I4 fewer people than the quorum'],
  ['an approval by who asked', { held: { approvers: ['ann', 'agent'] } }, 'I4 the requester approved'],
  [
    'an approval by who did not vote',
    { held: { approvers: ['ann', 'bob'], voters: ['ann'] } },
    'I4 an approval that is no vote',
  ],
  [
    'an approval of a call that was not held',
    { claims: { approvals: [{ approver: 'ann', at: now.toISOString(), digest }] } },
    'I4 approvals of a call that nobody held',
  ],
  [
    'an approval of other arguments',
    { held: { approvers: ['ann', 'bob'], over: [digest, otherDigest] } },
    'I4 a vote over another digest',
    'I4 an approval of another digest',
  ],
  [
    'a vote over other arguments',
    { held: { approvers: ['ann', 'bob'], votesOver: [digest, otherDigest] } },
    'I4 a vote over another digest',
    'I4 an approval that is no vote',
  ],
  [
    'a vote over other arguments that nothing came of',
    {
      held: { approvers: [], voters: ['ann'], votesOver: [otherDigest] },
      names: ['requested', 'held', 'voted', 'denied'],
    },
    'I4 a vote over another digest',
  ],
  [
    'a call dispatched before its grant is good, as the executor says',
    { ...forAMinute, saidAfterMs: -1 },
    'I4 said to be dispatched outside the time of the grant',
  ],
  [
    'a call dispatched when its grant is over, as the executor says',
    { ...forAMinute, saidAfterMs: grantMs },
    'I4 said to be dispatched outside the time of the grant',
  ],
  [
    'a call dispatched before its grant is good, as the store says',
    { ...forAMinute, storedAfterMs: -1 },
    'I4 dispatched outside the time of the grant',
  ],
  [
    'a call dispatched when its grant is over, as the store says',
    { ...forAMinute, storedAfterMs: grantMs + maxClockSkewMs },
    'I4 dispatched outside the time of the grant',
  ],
  [
    'a call dispatched with another definition',
    { dispatchedWith: otherDigest },
    'I13 dispatched with another definition than was judged',
  ],
]

for (const [what, edit, ...problems] of broken) {
  test(`R18: the checker of histories finds ${what}`, () => {
    assert.deepEqual(problemsOf(edit), problems)
  })
}
