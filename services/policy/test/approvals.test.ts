import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { test } from 'node:test'
import { LostRace } from '@countersign/bus'
import {
  type CallAddress,
  callFieldsOf,
  digestOf,
  grantSigningInput,
  makeEvent,
  sha256,
  verbs,
} from '@countersign/contracts'
import { until } from '@countersign/testing'
import { cancelled } from './cancel.ts'
import { pinnedTool, policyText, toolDefinition } from './fixtures.ts'
import { ops, person, startWorld, untilState, type World } from './policy-world.ts'

const [ann, bob] = [person('ann'), person('bob')]
const write = { tool: 'write_file' }
const one = ops.replace('quorum: 2', 'quorum: 1')

async function hold(world: World, args = {}) {
  const { at, event } = await world.request(args, write)
  await untilState(world.gateway, at, 'held')
  const vote = (voter = ann, decision: 'approve' | 'reject' = 'approve', digest = at.digest) =>
    world.console.callApi(verbs.policy.vote, { voter, callId: at.callId, decision, digest })
  return { at, event, vote }
}

test('I4: a held call runs when a quorum of distinct people approved it, with a grant that says who', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const { at, vote } = await hold(world, { path: '/a' })
  const held = (await world.gateway.history(at)).find('held')!.data
  assert.equal(held.reason, 'writes need people')
  assert.deepEqual(held.decision.rules, [
    { policy: 'ops', rule: 'writes', effect: 'hold', reason: 'writes need people' },
  ])
  assert.deepEqual(
    (await vote(ann)).votes.map(({ approver }) => approver),
    ['ann'],
  )
  await assert.rejects(vote(ann), { code: 'already_voted' })
  assert.equal((await world.gateway.history(at)).state, 'voted', 'one person is no quorum of two')
  await vote(bob)
  const history = await untilState(world.gateway, at, 'allowed')
  const { grant, deadline, arguments: args } = history.find('allowed')!.data
  assert.ok(verify(null, grantSigningInput(grant.claims), world.publicKey, Buffer.from(grant.signature, 'base64url')))
  assert.deepEqual(
    grant.claims.approvals.map(({ approver, digest }) => [approver, digest]),
    [
      ['ann', at.digest],
      ['bob', at.digest],
    ],
  )
  const lastVote = Date.parse(grant.claims.approvals[1]!.at)
  assert.equal(Date.parse(grant.claims.expiresAt), lastVote + 5 * 60_000)
  assert.equal(deadline, grant.claims.expiresAt)
  assert.deepEqual(args, { inline: { path: '/a' } })
  await assert.rejects(vote(person('cid')), { code: 'approval_ended' })
})

test('I4: votes of the requester, of strangers and over another digest are refused', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const { at, vote } = await hold(world)
  await assert.rejects(vote(ann, 'approve', sha256('other')), { code: 'digest_mismatch' })
  await assert.rejects(vote(person('eve', ['agents'])), { code: 'not_an_approver' })
  await assert.rejects(vote(person('agent')), { code: 'requester_may_not_vote' })
  await assert.rejects(vote(person('ann', ['sre'], 'acme')), { code: 'unknown_approval' })
  const unknown = { voter: ann, callId: at.callId.replace(/.$/, (c) => (c === '0' ? '1' : '0')), digest: at.digest }
  await assert.rejects(world.console.callApi(verbs.policy.vote, { ...unknown, decision: 'approve' }), {
    code: 'unknown_approval',
  })
  assert.equal((await world.gateway.history(at)).state, 'held')
})

test('one rejection denies the call', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const { at } = await hold(world)
  const { callId, digest } = at
  const rejection = { voter: ann, callId, digest, decision: 'reject' as const, comment: 'ask me tomorrow' }
  await world.console.callApi(verbs.policy.vote, rejection)
  const { data } = (await untilState(world.gateway, at, 'denied')).find('denied')!
  assert.equal(data.reason.code, 'rejected')
  // What a person said is nowhere but where audit looks for it (`$.comment`), to encrypt it.
  assert.equal(data.reason.message, 'ann rejected the call; nothing ran')
  assert.equal(data.comment, 'ask me tomorrow')
})

test('I5: a hold that nobody decides expires by its alarm, and a vote after that is refused', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one.replace('quorum: 1', 'quorum: 1, expiresAfter: 1s') })
  await world.start()
  const { at, vote } = await hold(world)
  const { data } = (await untilState(world.gateway, at, 'denied')).find('denied')!
  assert.equal(data.reason.code, 'expired')
  await assert.rejects(vote(), { code: 'approval_ended' })
})

test('I12: a hold expires although policy was away when its alarm rang', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one.replace('quorum: 1', 'quorum: 1, expiresAfter: 1s') })
  const first = await world.start()
  const { at } = await hold(world)
  await first.stop()
  const { approval } = (await world.gateway.history(at)).find('held')!.data
  await until(() => Date.now() > Date.parse(approval.expiresAt), 'the hold is over')
  assert.equal((await world.gateway.history(at)).state, 'held')
  await world.start()
  await untilState(world.gateway, at, 'denied')
})

test('I5: an alarm that rings before its hold is stored rings again', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one.replace('quorum: 1', 'quorum: 1, expiresAfter: 1s') })
  const bus = await world.connect('policy')
  const [publishEvent, readHistory] = [bus.publishEvent.bind(bus), bus.history.bind(bus)]
  let looks = 0
  t.mock.method(bus, 'history', async (at: CallAddress) => {
    const history = await readHistory(at)
    looks += 1
    return history
  })
  // As if the store had been away between the two for longer than the hold is to wait.
  t.mock.method(bus, 'publishEvent', async (...args: Parameters<typeof publishEvent>) => {
    if (args[1] === 'held') await until(() => looks > 0, 'the alarm has rung')
    return publishEvent(...args)
  })
  await world.start(bus)
  const { at } = await world.request({}, write)
  const history = await untilState(world.gateway, at, 'denied')
  assert.ok(history.find('held'))
  assert.equal(history.find('denied')!.data.reason.code, 'expired')
})

test('I13: an approval of a definition that changed meanwhile lets nothing run', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one })
  await world.start()
  const { at, vote } = await hold(world)
  await world.putTool(pinnedTool('files', toolDefinition('write_file', { description: 'now it does more' })))
  await until(async () => {
    const other = await world.request({}, write)
    const history = await untilState(world.gateway, other.at, 'held')
    return (
      history.find('held')!.data.definitionDigest !==
      (await world.gateway.history(at)).find('held')!.data.definitionDigest
    )
  }, 'policy has seen the change')
  await vote()
  const { data } = (await untilState(world.gateway, at, 'denied')).find('denied')!
  assert.equal(data.reason.code, 'definition_changed')
})

test(
  'I2: a vote and a cancellation race many times, and one of them decides each call',
  { timeout: 60_000 },
  async (t) => {
    const world = await startWorld(t, { 'a.yaml': one })
    await Promise.all([world.start(), world.start()])
    const ends: Record<string, number> = {}
    for (let round = 0; round < 40; round++) {
      const { at, event, vote } = await hold(world, { round })
      const cancel = async () => {
        const { lastSeq } = await world.gateway.history(at)
        await world.gateway.publishEvent(at, 'cancelled', cancelled(event), lastSeq, Date.now() + 5000)
      }
      const results = await Promise.allSettled([vote(), cancel(), vote(bob)])
      for (const result of results) {
        if (result.status === 'rejected')
          assert.ok(result.reason instanceof LostRace || result.reason.code === 'approval_ended')
      }
      const history = await until(async () => {
        const now = await world.gateway.history(at)
        return now.state === 'allowed' || now.state === 'cancelled' ? now : undefined
      }, 'it was decided')
      const names = history.entries.map(({ name }) => name)
      assert.equal(names.filter((name) => name === 'allowed').length <= 1, true, names.join())
      assert.equal(names.filter((name) => name === 'cancelled').length <= 1, true, names.join())
      assert.ok(names.indexOf('cancelled') === -1 || names.indexOf('cancelled') === names.length - 1, names.join())
      ends[names.at(-1)!] = (ends[names.at(-1)!] ?? 0) + 1
    }
    assert.equal((ends['allowed'] ?? 0) + (ends['cancelled'] ?? 0), 40, JSON.stringify(ends))
  },
)

test('I4: one person voting many times at once is counted once', async (t) => {
  const world = await startWorld(t)
  await Promise.all([world.start(), world.start()])
  const { at, vote } = await hold(world)
  const votes = [...Array.from({ length: 8 }, () => vote(ann)), ...Array.from({ length: 4 }, () => vote(ann, 'reject'))]
  const results = await Promise.allSettled(votes)
  for (const result of results) {
    if (result.status === 'rejected') assert.match(result.reason.code, /already_voted|approval_ended/)
  }
  const history = await world.gateway.history(at)
  assert.equal(history.all('voted').length, 1)
  const stored = history.all('voted')[0]!.data.vote
  for (const [index, { status }] of results.entries()) {
    if (status === 'fulfilled') assert.equal(index < 8 ? 'approve' : 'reject', stored, 'whoever was told so is stored')
  }
})

test('I4: a vote counts whose acknowledgement was lost before another person voted, and its voter is told so', async (t) => {
  const world = await startWorld(t, { 'a.yaml': ops.replace('quorum: 2', 'quorum: 3') })
  const bus = await world.connect('policy')
  await world.start(bus)
  const { vote } = await hold(world)
  const publishEvent = bus.publishEvent.bind(bus)
  const stored = t.mock.method(bus, 'publishEvent', async (...args: Parameters<typeof publishEvent>) => {
    stored.mock.restore()
    await publishEvent(...args)
    await vote(bob)
    // As the publisher does that heard nothing.
    return publishEvent(...args)
  })
  const { votes } = await vote(ann)
  assert.deepEqual(
    votes.map(({ approver }) => approver),
    ['ann', 'bob'],
  )
  await assert.rejects(vote(ann), { code: 'already_voted' })
  await assert.rejects(vote(ann, 'reject'), { code: 'already_voted' })
})

test('I12: a vote that was stored without its verdict is completed by a new instance', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one })
  const first = await world.start()
  const { at } = await hold(world)
  await first.stop()
  const { lastSeq } = await world.gateway.history(at)
  const voted = makeEvent(
    'voted',
    { ...callFieldsOf(at), approver: 'ann', groups: ['sre'], vote: 'approve' },
    { now: new Date(), distinct: sha256('ann').slice(7, 39) },
  )
  await first.bus.publishEvent(at, 'voted', voted, lastSeq, Date.now() + 5000)
  await world.start()
  await untilState(world.gateway, at, 'allowed')
})

test('I12: requests made while policy was away are decided when it is back, once', async (t) => {
  const world = await startWorld(t)
  const asked = await Promise.all([
    world.request({ n: 1 }),
    world.request({ n: 2 }),
    world.request({ kind: 'Secret' }, write),
  ])
  await world.start()
  const ends = await Promise.all(
    asked.map(({ at }) => until(async () => (await world.gateway.history(at)).entries[1]?.name, 'it is decided')),
  )
  assert.deepEqual(ends, ['allowed', 'allowed', 'denied'])
})

test('approvals are listed for who may vote, all of them on demand, and never those of another tenant', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const first = await hold(world, { n: 1 })
  const second = await hold(world, { n: 2 })
  const list = async (viewer = ann, all = false) =>
    (await world.console.callApi(verbs.policy.approvals, { viewer, all })).approvals.map(({ callId }) => callId)
  const both = [first.at.callId, second.at.callId]
  assert.deepEqual(await list(), both)
  assert.deepEqual(await list(person('agent')), [], 'the requester may not vote')
  assert.deepEqual(await list(person('eve', ['agents'])), [])
  assert.deepEqual(await list(person('op', ['operators']), true), both)
  assert.deepEqual(await list(person('op', ['operators'], 'acme'), true), [])
  await first.vote(ann)
  assert.deepEqual(await list(), [second.at.callId], 'who voted is not asked again')
  await first.vote(bob)
  await untilState(world.gateway, first.at, 'allowed')
  assert.deepEqual(await list(person('op', ['operators']), true), [second.at.callId])

  const show = (viewer: typeof ann, all = false) =>
    world.console.callApi(verbs.policy.approval, { viewer, callId: first.at.callId, all })
  const view = await show(ann)
  assert.equal(view.state, 'allowed')
  assert.deepEqual(view.arguments, { inline: { n: 1 } })
  assert.equal(view.digest, digestOf({ n: 1 }))
  assert.deepEqual(
    view.votes.map(({ approver, vote }) => [approver, vote]),
    [
      ['ann', 'approve'],
      ['bob', 'approve'],
    ],
  )
  assert.equal((await show(person('agent', ['agents']))).callId, first.at.callId, 'who asked may look')
  await assert.rejects(show(person('eve', ['agents'])), { code: 'unknown_approval' })
  await assert.rejects(show(person('ann', ['sre'], 'acme'), true), { code: 'unknown_approval' })
})

test('I5: an unknown call is resolved once, by an operator', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const operator = person('op', ['operators'])
  const { at } = await world.request({})
  const allowed = await untilState(world.gateway, at, 'allowed')
  const resolve = (who = operator, evidence = 'the file is there') =>
    world.console.callApi(verbs.policy.resolve, { operator: who, callId: at.callId, outcome: 'ran', evidence })
  await assert.rejects(resolve(), { code: 'not_unknown' })
  await assert.rejects(resolve(ann), { code: 'forbidden' })
  await assert.rejects(resolve(person('op', ['operators'], 'acme')), { code: 'unknown_call' })
  const fields = callFieldsOf(at)
  const { definitionDigest } = allowed.find('allowed')!.data.grant.claims
  const dispatched = makeEvent(
    'dispatched',
    { ...fields, executor: 'e', attempt: 1, definitionDigest },
    { now: new Date() },
  )
  const { seq } = await world.executor.publishEvent(at, 'dispatched', dispatched, allowed.lastSeq, Date.now() + 5000)
  const error = { code: 'outcome_unknown', message: 'it stopped' }
  const unknown = makeEvent('unknown', { ...fields, error, durationMs: 1 }, { now: new Date() })
  await world.executor.publishEvent(at, 'unknown', unknown, seq, Date.now() + 5000)
  const results = await Promise.allSettled([
    resolve(operator, 'I saw it'),
    resolve(operator, 'me too'),
    resolve(operator, 'so did I'),
  ])
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  await untilState(world.gateway, at, 'resolved')
  await assert.rejects(resolve(), { code: 'not_unknown' })
})

test('I4: a policy that came into force meanwhile is asked before an approved call runs', async (t) => {
  const world = await startWorld(t, { 'a.yaml': one })
  await world.start()
  const { at, vote } = await hold(world)
  const before = await world.console.callApi(verbs.policy.policies, {})
  await world.writePolicy('b.yaml', policyText('freeze', ['name: freeze, when: "!tool.readOnly", effect: deny']))
  await until(
    async () => (await world.console.callApi(verbs.policy.policies, {})).revision !== before.revision,
    'the freeze is in force',
  )
  await vote()
  const { data } = (await untilState(world.gateway, at, 'denied')).find('denied')!
  assert.equal(data.reason.code, 'policy')
  assert.match(data.reason.message, /freeze/)
})
