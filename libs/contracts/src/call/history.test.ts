import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../digest.ts'
import { newCallId } from '../ids.ts'
import { type CallEvent, makeEvent } from './envelope.ts'
import { callEventNames, callEvents, type CallEventName } from './events.ts'
import { History, mayFollow, tally } from './history.ts'

const digest = digestOf({})
const fields = {
  callId: newCallId(0),
  tenant: 'default',
  server: 'files',
  method: 'tools/call',
  tool: 'write',
  principal: 'agent',
  digest,
}
const now = new Date(0)

test('I2: what may follow what is what the design says', () => {
  const next = (previous: CallEventName | undefined) =>
    callEventNames.filter((name) => mayFollow(previous, name)).toSorted()
  assert.deepEqual(next(undefined), ['requested'])
  assert.deepEqual(next('requested'), ['allowed', 'cancelled', 'denied', 'held'])
  assert.deepEqual(next('held'), ['allowed', 'cancelled', 'denied', 'previewed', 'voted'])
  assert.deepEqual(next('previewed'), ['allowed', 'cancelled', 'denied', 'voted'])
  assert.deepEqual(next('voted'), ['allowed', 'cancelled', 'denied', 'voted'])
  assert.deepEqual(next('allowed'), ['cancelled', 'dispatched', 'failed'])
  assert.deepEqual(next('dispatched'), ['dispatched', 'failed', 'succeeded', 'unknown'])
  assert.deepEqual(next('unknown'), ['resolved'])
})

test('I5: nothing follows a final event, but a ruling on an unknown one', () => {
  for (const name of callEventNames.filter((each) => callEvents[each].final)) {
    assert.deepEqual(
      callEventNames.filter((next) => mayFollow(name, next)),
      name === 'unknown' ? ['resolved'] : [],
      name,
    )
  }
})

test('I5: every event leads to a final one', () => {
  const ends = new Set<CallEventName>(callEventNames.filter((name) => callEvents[name].final))
  for (let round = 0; round < callEventNames.length; round++) {
    for (const name of callEventNames)
      if (callEventNames.some((next) => ends.has(next) && mayFollow(name, next))) ends.add(name)
  }
  assert.deepEqual(
    callEventNames.filter((name) => !ends.has(name)),
    [],
  )
})

test('I1: only a grant leads to dispatching', () => {
  assert.deepEqual(
    callEventNames.filter((name) => name !== 'dispatched' && mayFollow(name, 'dispatched')),
    ['allowed'],
  )
})

function voted(
  approver: string,
  more: { vote?: 'approve' | 'reject'; over?: string; comment?: string } = {},
): CallEvent<'voted'> {
  const { vote = 'approve', over = digest, comment } = more
  const data = { ...fields, digest: over, approver, groups: ['sre'], vote, ...(comment ? { comment } : {}) }
  return makeEvent('voted', data, { now, distinct: approver })
}

test('I4: a quorum counts distinct people', () => {
  assert.equal(tally(2, [voted('ann'), voted('ann'), voted('ann')], digest).reached, false)
  const two = tally(2, [voted('ann'), voted('ann'), voted('bob')], digest)
  assert.equal(two.reached, true)
  assert.deepEqual(
    two.approvals.map(({ approver }) => approver),
    ['ann', 'bob'],
  )
})

test('I4: of two votes of one person the first is the one that counts', () => {
  const later = { ...voted('ann'), time: '2030-01-01T00:00:00.000Z' }
  assert.deepEqual(
    tally(1, [voted('ann'), later], digest).approvals.map(({ at }) => at),
    [now.toISOString()],
  )
})

test('I4: a vote over other arguments does not count', () => {
  const result = tally(1, [voted('ann', { over: digestOf({ other: 1 }) })], digest)
  assert.deepEqual(result, { approvals: [], rejection: undefined, reached: false })
})

test('I4: the first no is told, and is no yes', () => {
  const votes = [voted('ann', { vote: 'reject', comment: 'no' }), voted('bob', { vote: 'reject' })]
  assert.deepEqual(tally(1, votes, digest), {
    approvals: [],
    rejection: { approver: 'ann', comment: 'no' },
    reached: false,
  })
})

test('a history says where its call stands', () => {
  const requested = makeEvent(
    'requested',
    { ...fields, groups: [], arguments: { inline: {} }, era: '2025-11-25', deadline: now.toISOString(), replyTo: 'gw' },
    { now },
  )
  const denied = makeEvent('denied', { ...fields, reason: { code: 'policy', message: 'no' } }, { now })
  const stored = (seq: number, event: string, data: unknown) => ({
    seq,
    event,
    data: new TextEncoder().encode(JSON.stringify(data)),
  })
  const empty = History.decode([])
  assert.deepEqual([empty.lastSeq, empty.state, empty.final, empty.waiting], [0, undefined, undefined, false])
  // An event of a newer version is passed over, not fatal.
  const history = History.decode([
    stored(4, 'requested', requested),
    stored(5, 'annotated', {}),
    stored(9, 'denied', denied),
  ])
  assert.deepEqual([history.lastSeq, history.state, history.final?.seq], [9, 'denied', 9])
  assert.equal(history.find('denied')?.data.reason.code, 'policy')
  assert.equal(history.find('held'), undefined)
  assert.equal(history.all('requested').length, 1)
})

test('a call waits for people from the hold to the decision', () => {
  const history = (...names: CallEventName[]) =>
    new History(names.map((name, index) => ({ seq: index + 1, name, event: {} as CallEvent })))
  assert.equal(history('requested').waiting, false)
  assert.equal(history('requested', 'held').waiting, true)
  assert.equal(history('requested', 'held', 'previewed').waiting, true)
  assert.equal(history('requested', 'held', 'voted').waiting, true)
  assert.equal(history('requested', 'held', 'voted', 'allowed').waiting, false)
})
