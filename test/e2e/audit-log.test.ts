import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { AuditRecordV3, JsonObject, SealedRecord } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { modernClient } from './clients.ts'
import { startStack } from './stack.ts'

const run = promisify(execFile)
const cli = fileURLToPath(new URL('../../node_modules/.bin/countersign', import.meta.url))

test('I8, R28: what local.json says of the audit log is enough to verify a copy of it, and a proof needs not even that', async (t) => {
  const stack = await startStack(t)
  const { gateway, auditLog, tokens } = stack.info
  const client = await modernClient(`${gateway}/mcp`, tokens.agent, '2026-07-28')
  const path = join(stack.workspace, 'welcome.txt')
  for (let count = 0; count < 5; count++) await client.callTool({ name: 'files_read_text_file', arguments: { path } })
  await client.close()
  const finals = async () => (await stack.api('/audit/records?outcome=succeeded')).body.records
  const [newest] = await until(
    async () => ((await finals()).length === 5 ? await finals() : undefined),
    'all is sealed',
  )

  const state = dirname(stack.state.layout.local)
  const countersign = (...args: string[]) => run(process.execPath, [cli, 'audit', ...args], { cwd: state })
  const copy = join(state, 'copy')
  cpSync(auditLog.dir, copy, { recursive: true })
  const verified = await countersign('verify', copy, '--key', auditLog.verifierKey, '--json')
  const found = JSON.parse(verified.stdout)
  assert.deepEqual([found.ok, found.calls.ended, found.trees[0].origin], [true, 5, 'countersign.dev/audit/default'])
  // The Go library and others take the checkpoint and the key as they are.
  const name = auditLog.verifierKey.split('+')[0]
  assert.equal(readFileSync(join(copy, 'checkpoint'), 'utf8').split('\n')[0], name)

  // What an auditor keeps, to see later that the log goes on from it.
  await countersign('consistency', '--state', state, '--out', 'first.checkpoint')
  assert.equal(readFileSync(join(state, 'first.checkpoint'), 'utf8').split('\n')[0], name)

  await countersign('prove', newest.record.callId, '--state', state, '--out', 'call.json')
  rmSync(copy, { recursive: true })
  const proof = await countersign('verify', 'call.json', '--key', auditLog.verifierKey, '--json')
  assert.deepEqual(
    JSON.parse(proof.stdout).events.map(({ event }: { event: string }) => event),
    ['requested', 'allowed', 'dispatched', 'succeeded'],
  )

  // What was answered is shown to operators, kept encrypted, and gone when it is erased; the log verifies all the same.
  const answer = readFileSync(path, 'utf8')
  const shown = async () => JSON.stringify(await finals()).includes(JSON.stringify(answer).slice(1, -1))
  assert.ok(await shown())
  const story = async () => (await countersign('story', newest.record.callId, '--state', state)).stdout
  const before = await story()
  for (const part of [
    `"path": "${path}"`,
    'result\n    Agents may read',
    'ran       once in ',
    'rule      files/reads: allow',
  ])
    assert.ok(before.includes(part), before)
  const erase = ['erase', '--subject', 'agent', '--reason', 'asked for', '--yes', '--json', '--state', state]
  const { keys, by } = JSON.parse((await countersign(...erase)).stdout)
  assert.deepEqual([keys, by], [2, 'operator'])
  assert.ok(!(await shown()))
  assert.match(await story(), /erased +arguments, .*result.*;[^]*\narguments\n +\[erased\]\n\nresult\n +\[erased\]\n/)
  cpSync(auditLog.dir, copy, { recursive: true })
  const since = ['--since', 'first.checkpoint', '--json']
  const after = JSON.parse((await countersign('verify', copy, '--key', auditLog.verifierKey, ...since)).stdout)
  assert.deepEqual([after.ok, after.calls.ended, after.since.problems], [true, 5, []])
  const from = ['--from', 'first.checkpoint', '--state', state, '--json']
  const proven = JSON.parse((await countersign('consistency', ...from)).stdout)
  assert.deepEqual([proven.ok, proven.earlier.size], [true, after.since.size])
  assert.ok(proven.newer.size > proven.earlier.size, 'the erasure is in the log')
})

test('R23, R24: policies, servers and people are in the log with the calls, and what a policy redacts is not', async (t) => {
  const stack = await startStack(t)
  const { gateway, tokens } = stack.info
  const { layout } = stack.state
  const recordOf = (event: string, fits: (record: AuditRecordV3) => boolean = () => true) =>
    until(async () => {
      const { records } = (await stack.api(`/audit/records?outcome=${event}`)).body as { records: SealedRecord[] }
      return records.map(({ record }) => record as AuditRecordV3).find(fits)
    }, `there is a record of ${event}`)
  const first = await recordOf('policies_changed')
  assert.deepEqual(
    [first.who?.principal, first.resource, (first.cloudEvent['data'] as JsonObject)['added']],
    ['policy', { type: 'policies', name: 'current' }, ['everything', 'files']],
  )
  assert.equal((await recordOf('tools_pinned', ({ server }) => server === 'files')).kind, 'activity')
  // Nobody signed in as operator before somebody did.
  const signedIn = async (who: string) => (await recordOf('signed_in', (record) => record.who?.principal === who)).time!
  assert.ok((await signedIn('launcher')) < (await signedIn('operator')))

  writeFileSync(
    join(layout.policies, 'redact.yaml'),
    'apiVersion: countersign.dev/v1alpha1\nkind: ToolPolicy\nmetadata: { name: keep-out }\nspec:\n  match: { servers: [files] }\n' +
      '  redact:\n    - { in: result, path: $..text }\n    - { in: result, path: $.structuredContent }\n' +
      '    - { in: arguments, path: $.path }\n',
  )
  const changed = await recordOf('policies_changed', ({ cloudEvent }) =>
    JSON.stringify(cloudEvent).includes('"added":["keep-out"]'),
  )
  assert.equal(changed.outcome?.status, 'succeeded')
  const path = join(stack.workspace, 'secret-of-this-test.txt')
  writeFileSync(path, 'hunter2 is in the file')
  const client = await modernClient(`${gateway}/mcp`, tokens.agent, '2026-07-28')
  const answer = await client.callTool({ name: 'files_read_text_file', arguments: { path } })
  await client.close()
  assert.match(JSON.stringify(answer), /hunter2/, 'the caller gets it all the same')
  const { callId } = await recordOf('succeeded', ({ what }) => what?.tool === 'read_text_file')
  const { records } = (await stack.api(`/audit/records?callId=${callId}`)).body as { records: SealedRecord[] }
  assert.deepEqual(
    records.map(({ record }) => record.event),
    ['succeeded', 'dispatched', 'allowed', 'requested'],
  )
  assert.ok(!/hunter2|secret-of-this-test/.test(JSON.stringify(records)))
  assert.ok(records.every(({ record }) => record.event === 'dispatched' || record.redactions!.length > 0))
  const countersign = (...args: string[]) =>
    run(process.execPath, [cli, 'audit', ...args, '--state', dirname(layout.local)])
  const listed = await countersign('--limit', '100')
  assert.match(listed.stdout, /policies_changed +revision sha256:[0-9a-f]+; added keep-out +policy/)
  assert.match(listed.stdout, /signed_in +from 127\.0\.0\.1 +operator/)
  const story = (await countersign('story', callId!)).stdout
  assert.match(story, / redacted +arguments\/path, .*result\/content\/0\/text.*, before it was sealed, by policy\n/)
  const verified = await countersign('verify')
  assert.match(verified.stdout, /verifies/)

  // Whoever has the key gives away the salt of one place; with it anybody checks what is claimed to have stood there.
  const file = (name: string) => join(layout.dir, name)
  await countersign('prove', callId!, '--out', file('call.json'))
  const place = [file('call.json'), '--path', '/data/result/inline/content/0/text']
  const salted = await countersign('redaction', 'salt', ...place, '--redaction-key', layout.redactionKey, '--json')
  const { salt } = JSON.parse(salted.stdout)
  const check = async (claimed: string) => {
    writeFileSync(file('claimed.txt'), claimed)
    const with_ = ['--salt', salt, '--original', file('claimed.txt'), '--key', stack.info.auditLog.verifierKey]
    return countersign('redaction', 'check', ...place, ...with_)
  }
  assert.match((await check('hunter2 is in the file\n')).stdout, /it is what was taken out at .* of succeeded of call/)
  await assert.rejects(check('hunter3 is in the file\n'), /Command failed/)
})
