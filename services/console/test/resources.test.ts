import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callFieldsOf, digestOf, newCallId, subjects } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { policyText, serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

test('I3: an approval shows the arguments themselves, wherever they are, and their digest', async (t) => {
  const { get, policy, executor } = await startConsole(t)
  const args = { path: '/big.txt', content: 'x'.repeat(300 * 1024) }
  const { carried } = await executor.payloads.carry(args)
  assert.ok('stored' in carried)
  const { callId } = policy.hold({ arguments: carried }, args)
  const { status, body } = await get('approver', `/approvals/${callId}`)
  assert.equal(status, 200)
  assert.deepEqual(body.arguments, args)
  assert.equal(body.digest, digestOf(args))
  assert.deepEqual(body.rules, [{ policy: 'files', rule: 'writes', effect: 'hold' }])
  for (const member of [
    'principal',
    'server',
    'tool',
    'reason',
    'groups',
    'quorum',
    'notRequester',
    'votes',
    'expiresAt',
    'heldAt',
    'state',
  ])
    assert.ok(member in body, member)
  assert.equal('decision' in body, false)
  const { body: list } = await get('approver', '/approvals')
  assert.deepEqual(list.approvals, [body])
})

test('I4: a vote counts once, over the digest that was shown, while the call waits', async (t) => {
  const { get, post, policy } = await startConsole(t)
  const { callId, digest } = policy.hold({ quorum: 2 })
  const vote = (who: 'approver' | 'approver2' | 'agent2', body: object) => post(who, `/approvals/${callId}/votes`, body)
  const codeOf = async (answer: ReturnType<typeof vote>) => [(await answer).status, (await answer).body.error?.code]
  assert.deepEqual(await codeOf(vote('approver', { decision: 'approve', digest: digestOf({}) })), [
    409,
    'digest_mismatch',
  ])
  assert.deepEqual(await codeOf(vote('agent2', { decision: 'approve', digest })), [403, 'not_an_approver'])
  const first = await vote('approver', { decision: 'approve', digest, comment: 'fine' })
  assert.equal(first.status, 200)
  assert.equal(first.body.state, 'waiting')
  assert.deepEqual([first.body.votes[0].approver, first.body.votes[0].comment], ['approver', 'fine'])
  assert.deepEqual(await codeOf(vote('approver', { decision: 'approve', digest })), [409, 'already_voted'])
  assert.equal((await vote('approver2', { decision: 'approve', digest })).body.state, 'allowed')
  assert.deepEqual(await codeOf(vote('approver2', { decision: 'approve', digest })), [409, 'approval_ended'])
  const unknown = await post('approver', `/approvals/${newCallId(Date.now())}/votes`, { decision: 'approve', digest })
  assert.deepEqual([unknown.status, unknown.body.error.code], [404, 'unknown_approval'])
  assert.deepEqual((await get('approver', '/approvals')).body.approvals, [])
})

test('a call is read whole from the stream, from the log when the stream let it go, and from both', async (t) => {
  const { get, request, next, seal, auditBus } = await startConsole(t)
  const call = await request()
  await next(call, 'cancelled', { reason: 'the caller withdrew' })
  const whole = (await get('operator', `/calls/${call.callId}`)).body
  assert.deepEqual(
    whole.events.map(({ event }: { event: string }) => event),
    ['requested', 'cancelled'],
  )
  assert.equal(whole.state, 'cancelled')
  assert.deepEqual(callFieldsOf({ ...call, ...whole }), callFieldsOf(call))
  assert.equal(whole.events[0].source, '/services/gateway')
  assert.match(whole.events[0].traceparent, /^00-a{32}-/)
  assert.deepEqual(whole.events[0].data.arguments, { inline: {} })

  await seal(call)
  await auditBus.purge('CALLS', { filter: subjects.call(call, 'requested') })
  assert.deepEqual(
    (await get('operator', `/calls/${call.callId}`)).body,
    whole,
    'the final event is still in the stream',
  )
  await auditBus.purge('CALLS', { filter: subjects.callHistory(call) })
  assert.deepEqual((await get('operator', `/calls/${call.callId}`)).body, whole)
  const unknown = await get('operator', `/calls/${newCallId(Date.now())}`)
  assert.deepEqual([unknown.status, unknown.body.error.code], [404, 'unknown_call'])
})

test('calls and records are listed page by page, by where they stand now', async (t) => {
  const { get, request, next, seal } = await startConsole(t)
  const ids: string[] = []
  for (let count = 0; count < 7; count++) {
    const call = await request()
    if (count % 2 === 0) await next(call, 'cancelled', { reason: 'withdrawn' })
    await seal(call)
    ids.unshift(call.callId)
  }
  const pages = async (path: string, key: 'calls' | 'records') => {
    const all: unknown[] = []
    let cursor: string | undefined
    do {
      const { body } = await get('operator', `${path}${cursor ? `&cursor=${cursor}` : ''}`)
      assert.ok(body[key].length <= 2)
      all.push(...body[key])
      cursor = body.next
    } while (cursor)
    return all
  }
  const idsOf = (calls: unknown[]) => calls.map((call) => (call as { callId: string }).callId)
  assert.deepEqual(idsOf(await pages('/calls?limit=2', 'calls')), ids)
  assert.deepEqual(
    idsOf(await pages('/calls?limit=2&state=cancelled', 'calls')),
    ids.filter((_, place) => place % 2 === 0),
  )
  assert.deepEqual(
    idsOf(await pages('/calls?limit=2&state=requested', 'calls')),
    ids.filter((_, place) => place % 2 === 1),
  )
  const records = (await pages('/audit/records?limit=2', 'records')) as { index: number }[]
  assert.deepEqual(
    records.map(({ index }) => index),
    records.map((_, place) => records.length - 1 - place),
  )
  assert.equal(records.length, 11)
})

test('I9: a server is shown with its tools and what changed, without anything secret', async (t) => {
  const { get, post, register, lifecycle } = await startConsole(t)
  await register(serverFixture(), toolFixtures())
  await register(serverFixture({ name: 'elsewhere', tenant: 'elsewhere' }))
  const { body } = await until(async () => {
    const answer = await get('operator', '/servers/files')
    return answer.body.tools?.length === 2 ? answer : undefined
  }, 'the registry arrives')
  assert.equal(body.ready, true)
  assert.equal(body.url, 'https://tools.example/mcp')
  assert.deepEqual(body.limits, { concurrency: 4, callTimeoutMs: 60_000, maxResultBytes: 1024 * 1024 })
  const [read, write] = body.tools
  assert.deepEqual([read.name, read.state, read.hints.readOnly, read.offered], ['read_file', 'pinned', true, undefined])
  assert.deepEqual([write.name, write.state], ['write_file', 'quarantined'])
  assert.deepEqual(write.offered.changes, [
    { path: '/description', before: '"Writes"', after: '"Writes anything anywhere"' },
  ])
  const { body: list } = await get('operator', '/servers')
  assert.deepEqual(
    list.servers.map(({ name }: { name: string }) => name),
    ['files'],
  )
  assert.equal(/secret/.test(JSON.stringify([body, list])), false)

  const path = '/servers/files/tools/write_file/acceptance'
  assert.deepEqual((await post('operator', path, { digest: write.offered.digest })).body, {
    server: 'files',
    tool: 'write_file',
    digest: write.offered.digest,
  })
  assert.deepEqual(lifecycle.accepted, [`operator files write_file ${write.offered.digest}`])
  assert.equal(
    (await post('operator', '/servers/files/tools/gone/acceptance', { digest: write.offered.digest })).status,
    409,
  )
  assert.equal(
    (await post('operator', '/servers/nowhere/tools/x/acceptance', { digest: write.offered.digest })).status,
    404,
  )
  const slashed = await post('operator', `/servers/files/tools/${encodeURIComponent('a/b ü')}/acceptance`, {
    digest: write.offered.digest,
  })
  assert.equal(slashed.body.tool, 'a/b ü')
})

test('policies are checked without being put in force, also large ones', async (t) => {
  const { post, get, policy } = await startConsole(t)
  const padding = `${'#'.repeat(500_000)}\n`
  const files = [
    { file: 'good.yaml', text: padding + policyText('good') },
    { file: 'bad.yaml', text: padding + policyText('bad').replace('effect', 'effct') },
  ]
  const { status, body } = await post('operator', '/policies/check', { files })
  assert.equal(status, 200)
  const message = 'rule "all": unknown key `effct`, did you mean `effect`?'
  assert.deepEqual(body.problems, [{ file: 'bad.yaml', line: 7, column: 34, message }])
  assert.deepEqual(
    body.policies.map(({ name }: { name: string }) => name),
    ['good'],
  )
  assert.equal(
    (await post('operator', '/policies/check', { files: [{ file: 'x', text: 'x'.repeat(5 * 1024 * 1024) }] })).status,
    413,
  )
  assert.deepEqual((await get('operator', '/policies')).body, policy.view)
})

test('the status tells which service does not answer and what waits', async (t) => {
  const { get, policy, register, executor, audit } = await startConsole(t)
  policy.hold()
  await register(serverFixture())
  const state = (answer: { body: { services: { name: string; answers: boolean }[] } }) =>
    answer.body.services.find(({ name }) => name === 'agent-executor')?.answers
  const before = await until(async () => {
    const answer = await get('operator', '/status')
    return answer.body.servers.total === 1 ? answer : undefined
  }, 'the server is known')
  assert.deepEqual([before.body.ok, state(before)], [false, false], 'nobody takes calls for the server')
  await executor.ensureConsumer(
    { stream: 'CALLS', name: 'executor-files', filter: subjects.callEvents('allowed', 'files') },
    { maxAckPending: 4, ackWaitMs: 10_000 },
  )
  const consumption = executor.consume({
    stream: 'CALLS',
    consumer: 'executor-files',
    maxInFlight: 4,
    ackWaitMs: 10_000,
    onProblem: ({ error }) => assert.fail(String(error)),
    handler: async () => {},
  })
  t.after(() => consumption.stop())
  const { body } = await until(async () => {
    const answer = await get('operator', '/status')
    return state(answer) ? answer : undefined
  }, 'the executor is noticed')
  assert.equal(body.ok, true)
  assert.deepEqual(body.servers, { total: 1, ready: 1, quarantinedTools: 1, withoutPolicy: 1 })
  const { oldestHeldAt, ...approvals } = body.approvals
  assert.deepEqual(approvals, { waiting: 1, more: false, late: 0 })
  assert.ok(Date.parse(oldestHeldAt) <= Date.now())
  assert.deepEqual(body.policies, { revision: 'r1', count: 0, problems: 0 })
  assert.deepEqual([body.audit.size, body.audit.lag], [audit.records.length, 0])
  policy.view = { ...policy.view, revision: null }
  assert.equal((await get('operator', '/status')).body.ok, false, 'without policies every call is denied')
})
