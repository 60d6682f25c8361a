import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subjects } from '@countersign/contracts'
import { allowedFixture, newGrantSigner } from '@countersign/testing'
import { countersign } from './cli-process.ts'
import { startConsole } from './console-fixture.ts'

test('R46: while audit hangs, calls are shown as far as the bus has them, and it is said that audit does not answer', async (t) => {
  const console = await startConsole(t)
  const { get, request, next, policy, audit, auditBus } = console
  const [ended, own] = [
    await request({ principal: 'agent' }),
    await request({ principal: 'agent2', tool: 'list_files' }),
  ]
  const grant = { definitionDigest: ended.digest, idempotent: true }
  await next(ended, 'allowed', allowedFixture(newGrantSigner(), ended, {}, grant))
  const held = policy.hold({ heldAt: '2026-01-01T00:00:00.000Z' })
  audit.hangs = true

  // Each takes as long as it takes to know that audit does not answer.
  const ids = async (who: 'operator' | 'agent2' | 'approver' | 'stranger', query = '') =>
    (await get(who, `/calls${query}`)).body.calls.map(({ callId }: { callId: string }) => callId)
  const [list, page, ...listed] = await Promise.all([
    get('operator', '/calls'),
    get('operator', `/calls?cursor=${Buffer.from('i5').toString('base64url')}`),
    ids('operator', '?tool=list_files'),
    ids('operator', '?limit=1'),
    ids('agent2'),
    ids('approver'),
    ids('stranger'),
  ])
  const rows = list.body.calls.map(({ callId, state }: Record<string, string>) => [callId, state])
  assert.deepEqual(rows, [
    [ended.callId, 'allowed'],
    [own.callId, 'requested'],
    [held.callId, 'held'],
  ])
  assert.equal(list.body.incomplete, 'audit does not answer, so only calls that wait, and those of late, are listed')
  assert.deepEqual(listed, [[own.callId], [ended.callId], [own.callId], [held.callId], []])
  assert.equal(page.status, 503)

  await auditBus.purge('CALLS', { filter: subjects.call(ended, 'requested') })
  const [rest, others, calls, shown, gone, nowhere] = await Promise.all([
    get('operator', `/calls/${ended.callId}`),
    get('stranger', `/calls/${ended.callId}`),
    countersign(console, 'calls'),
    countersign(console, 'call', own.callId.slice(0, 30)),
    countersign(console, 'call', 'ffffffff-ffff-7fff-bfff-ffffffffffff'),
    countersign(console, 'call', 'ffff'),
  ])
  assert.deepEqual([rest.status, rest.body.events.length], [200, 1])
  assert.equal(rest.body.incomplete, 'audit does not answer, so what only the log has of it is missing')
  assert.equal(others.status, 503)
  assert.equal(calls.exit, 0, calls.stderr)
  assert.match(calls.stdout, /audit does not answer, so only/)
  assert.deepEqual([shown.exit, shown.stderr], [0, ''])
  assert.match(shown.stdout, /agent2 called files: list_files/)
  assert.equal(gone.exit, 3)
  assert.match(gone.stderr, /audit does not answer/)
  assert.equal(nowhere.exit, 4)
  assert.match(nowhere.stderr, /no recent call begins with ffff; audit does not answer/)
})
