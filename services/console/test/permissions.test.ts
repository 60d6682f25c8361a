import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '@countersign/contracts'
import { type Person, serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

test('who may do what: others get 404 for what is not theirs, 403 for what is not theirs to do', async (t) => {
  const { get, post, policy, request, next, seal, register } = await startConsole(t)
  await register(serverFixture(), toolFixtures())
  const own = await request({ principal: 'agent2' })
  const behind = await request({ principal: 'agent' })
  const view = policy.hold({ callId: behind.callId })
  const { reason, decision, groups, quorum, notRequester, expiresAt } = view
  await next(behind, 'held', {
    definitionDigest: digestOf({}),
    idempotent: false,
    approval: { groups, quorum, notRequester, expiresAt },
    reason,
    decision,
  })
  await seal(own)
  await seal(behind)
  const vote = { decision: 'approve', digest: view.digest }
  const ruling = { outcome: 'ran', evidence: 'seen' }
  const accept = { digest: digestOf({}) }

  const matrix: [
    what: string,
    ask: (who: Person) => Promise<{ status: number }>,
    expected: Record<'operator' | 'approver' | 'agent' | 'agent2' | 'stranger', number>,
  ][] = [
    [
      'all approvals',
      (who) => get(who, '/approvals?all=true'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'one approval',
      (who) => get(who, `/approvals/${view.callId}`),
      { operator: 200, approver: 200, agent: 404, agent2: 404, stranger: 404 },
    ],
    [
      'the call behind it',
      (who) => get(who, `/calls/${behind.callId}`),
      { operator: 200, approver: 200, agent: 200, agent2: 404, stranger: 404 },
    ],
    [
      'a call that nobody holds',
      (who) => get(who, `/calls/${own.callId}`),
      { operator: 200, approver: 404, agent: 404, agent2: 200, stranger: 404 },
    ],
    [
      'policies',
      (who) => get(who, '/policies'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'a policy check',
      (who) => post(who, '/policies/check', { files: [] }),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'the servers',
      (who) => get(who, '/servers'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'a server',
      (who) => get(who, '/servers/files'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 404 },
    ],
    [
      'an acceptance',
      (who) => post(who, '/servers/files/tools/write_file/acceptance', accept),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 404 },
    ],
    [
      'the log',
      (who) => get(who, '/audit/records'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'a story',
      (who) => get(who, `/audit/calls/${own.callId}`),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 404 },
    ],
    [
      'a top-list',
      (who) => get(who, '/audit/top?by=tool'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'counts',
      (who) => get(who, '/audit/counts?bucket=1h&since=2026-11-22T00:00:00Z&until=2026-11-23T00:00:00Z'),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'a new index',
      (who) => post(who, '/audit/index/rebuild', {}),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'a ruling',
      (who) => post(who, `/calls/${behind.callId}/resolution`, ruling),
      { operator: 200, approver: 403, agent: 403, agent2: 403, stranger: 200 },
    ],
    [
      'the status',
      (who) => get(who, '/status'),
      { operator: 200, approver: 200, agent: 200, agent2: 200, stranger: 200 },
    ],
    [
      'a vote',
      (who) => post(who, `/approvals/${view.callId}/votes`, vote),
      { operator: 403, approver: 200, agent: 403, agent2: 403, stranger: 404 },
    ],
  ]
  for (const [what, ask, expected] of matrix) {
    for (const [who, status] of Object.entries(expected))
      assert.equal((await ask(who as Person)).status, status, `${what} for ${who}`)
  }

  const listed = async (who: Person, query = '') =>
    (await get(who, `/calls${query}`)).body.calls.map(({ callId }: { callId: string }) => callId)
  policy.hold({ callId: behind.callId })
  assert.deepEqual(await listed('operator'), [behind.callId, own.callId])
  assert.deepEqual(await listed('approver'), [behind.callId])
  const [row] = (await get('approver', '/calls')).body.calls
  assert.ok(row.requestedAt <= row.updatedAt, 'whatever a row is made from, it says when the call was asked')
  assert.deepEqual(await listed('agent'), [behind.callId])
  assert.deepEqual(await listed('agent2'), [own.callId])
  assert.deepEqual(await listed('agent2', '?principal=agent'), [])
  assert.deepEqual(await listed('stranger'), [])
  assert.deepEqual((await get('stranger', '/audit/records')).body.records, [])
  const waiting = async (who: Person, query = '') =>
    (await get(who, `/approvals${query}`)).body.approvals.map(({ callId }: { callId: string }) => callId)
  assert.deepEqual(await waiting('operator'), [view.callId], 'what waits for others too')
  assert.deepEqual(await waiting('operator', '?all=true'), [view.callId])
  assert.deepEqual(await waiting('operator', '?all=false'), [], 'only what is theirs to vote on')
  assert.deepEqual(await waiting('approver'), [view.callId])
  assert.deepEqual(await waiting('agent'), [])
  assert.deepEqual(await waiting('stranger'), [])
})
