import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, type Json, newCallId, subjects } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { AccessRecords } from '../src/api/access-records.ts'
import { type Console, startConsole } from './console-fixture.ts'

/** The activities of a kind that are stored, once there are so many. */
async function stored({ auditBus }: Console, event: string, count: number) {
  return until(async () => {
    const messages = await auditBus.readStream('LIFECYCLE', 1, { maxMessages: 1000, maxBytes: 1e7 })
    const found = messages
      .filter(({ subject }) => subject.endsWith(`.${event}`))
      .map(({ subject, data }) => ({ subject, ...JSON.parse(Buffer.from(data).toString()).data }))
    return found.length >= count ? found : undefined
  }, `${count} of ${event} are stored`)
}

test('R23: what somebody tried that is not theirs to do is in the log: who, what, and on what', async (t) => {
  const world = await startConsole(t)
  const { get, post, policy } = world
  const { callId, digest } = policy.hold()
  for (let count = 0; count < 20; count++) {
    assert.equal((await get('agent', '/audit/records')).status, 403)
    assert.equal((await post('agent', `/approvals/${callId}/votes`, { decision: 'approve', digest })).status, 403)
    assert.equal((await get('stranger', `/approvals/${callId}`)).status, 404)
  }
  assert.equal((await get('late', '/servers')).status, 401)
  assert.equal((await post('approver', '/audit/erasures', { subject: 'ann', reason: 'x' })).status, 403)
  const refused = await stored(world, 'access_refused', 4)
  assert.deepEqual(
    refused.map(({ subject, by, resource, code, count, targets }) => [subject, by, resource, code, count, targets]),
    [
      ['agent', 'GET /api/v1/audit/records', 'forbidden', []],
      ['agent', 'POST /api/v1/approvals/:callId/votes', 'requester_may_not_vote', [callId]],
      ['late', 'GET /api/v1/servers', 'unauthenticated', []],
      ['approver', 'POST /api/v1/audit/erasures', 'forbidden', []],
    ].map(([by, name, code, targets]) => [
      'activity.default.access_refused',
      by,
      { type: 'api', name },
      code,
      1,
      targets,
    ]),
  )
})

test('R23: nobody makes the record of their own refusal unreadable, by whatever they name', async (t) => {
  const world = await startConsole(t)
  const name = encodeURIComponent(`${'x'.repeat(255)}\u{1f600}`)
  const { status } = await world.post('agent', `/audit/exports/${name}/dead-letters`, { action: 'retry' })
  assert.equal(status, 403)
  const [{ subject: _, ...refused }] = (await stored(world, 'access_refused', 1)) as [Record<string, Json>]
  assert.deepEqual(refused['targets'], [`${'x'.repeat(255)}\ufffd`])
  // What has no canonical form has no record that could be read.
  canonicalJson(refused)
})

test('R23: who read or exported the audit log is in the log: which way, how much, and about which calls', async (t) => {
  const world = await startConsole(t)
  const { get, request, seal } = world
  const call = await request()
  await seal(call)
  const from = '?bucket=1h&since=2026-11-22T00:00:00Z&until=2026-11-23T00:00:00Z'
  const reads: [kind: string, path: string, records: number, targets: string[]][] = [
    ['records', '/audit/records', 1, []],
    ['export', '/audit/records?purpose=export&limit=1000', 1, []],
    ['calls', '/calls?text=invoice', 0, []],
    ['counts', `/audit/counts${from}&callId=${call.callId}`, 0, [call.callId]],
    ['top', '/audit/top?by=tool', 0, []],
    ['story', `/audit/calls/${call.callId}`, 1, [call.callId]],
  ]
  for (const [kind, path] of reads) assert.equal((await get('operator', path)).status, 200, kind)
  assert.equal((await get('stranger', '/audit/records')).status, 200)
  // What was not answered was not read.
  assert.equal((await get('operator', `/audit/calls/${newCallId(Date.now())}`)).status, 404)
  assert.equal((await get('operator', '/audit/records')).status, 200)
  const read = await stored(world, 'audit_read', reads.length + 1)
  assert.deepEqual(
    read.map(({ subject, by, kind, count, records, targets }) => [subject, by, kind, count, records, targets]),
    [
      ...reads.map(([kind, , records, targets]) => ['default', 'operator', kind, 1, records, targets] as const),
      ['elsewhere', 'stranger', 'records', 1, 0, []] as const,
    ].map(([tenant, ...rest]) => [`activity.${tenant}.audit_read`, ...rest]),
  )
})

test('R23: a call that only the log has left is read from the log, so that is in the log too; one in the stream is not', async (t) => {
  const world = await startConsole(t)
  const { get, request, seal, auditBus } = world
  const calls = [await request(), await request()] as const
  for (const call of calls) await seal(call)
  await auditBus.purge('CALLS', { filter: subjects.callHistory(calls[0]) })
  for (const { callId } of calls) assert.equal((await get('operator', `/calls/${callId}`)).status, 200)
  const { body } = await get('operator', `/calls/${calls[0].callId}`)
  assert.deepEqual(Object.keys(body), ['callId', 'state', 'server', 'tool', 'principal', 'digest', 'events'])
  assert.equal((await get('operator', `/audit/records?callId=${calls[1].callId}`)).status, 200)
  const read = await stored(world, 'audit_read', 2)
  assert.deepEqual(
    read.map(({ by, kind, count, records, targets }) => [by, kind, count, records, targets]),
    [
      ['operator', 'story', 1, 1, [calls[0].callId]],
      ['operator', 'records', 1, 1, [calls[1].callId]],
    ],
  )
})

test('R23: a list of calls that may be voted on, of somebody else, is not from the log', async (t) => {
  const world = await startConsole(t)
  assert.equal((await world.get('approver', '/calls?principal=agent')).status, 200)
  assert.equal((await world.get('approver', '/calls')).status, 200)
  const read = await stored(world, 'audit_read', 1)
  assert.deepEqual(
    read.map(({ by, kind, count }) => [by, kind, count]),
    [['approver', 'calls', 1]],
  )
})

test('R23: a store that does not take these records neither holds up nor fails a request', async (t) => {
  const stuck = Promise.withResolvers<never>()
  t.after(() => stuck.reject(new Error('the test is over')))
  const { get } = await startConsole(t, { activityStore: { store: () => stuck.promise } })
  for (let count = 0; count < 3; count++) {
    assert.equal((await get('operator', '/audit/records')).status, 200)
    assert.equal((await get('agent', '/audit/records')).status, 403)
    assert.equal((await get(undefined, '/audit/records', { authorization: 'Bearer wrong' })).status, 401)
  }
})

test('R23: however often somebody reads, the log has two events of it in ten minutes', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const told: object[] = []
  const accesses = new AccessRecords({
    record: (_name, data) => {
      const { by, count, records, targets } = data as Record<string, unknown>
      told.push({ by, count, records, targets })
      return Promise.resolve(true)
    },
  })
  const oscar = { id: 'oscar', tenant: 'default', groups: [] }
  for (let read = 0; read < 1000; read++)
    accesses.read(oscar, 'records', { address: '10.0.0.7', target: undefined, records: 100 })
  t.mock.timers.tick(600_000)
  accesses.stop()
  assert.deepEqual(told, [
    { by: 'oscar', count: 1, records: 100, targets: [] },
    { by: 'oscar', count: 999, records: 99_900, targets: [] },
  ])
})
