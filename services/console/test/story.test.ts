import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditRecordV3, type JsonObject, newCallId } from '@countersign/contracts'
import { contentLines } from '../src/cli/audit/story/content-lines.ts'
import { contentOfCall } from '../src/cli/audit/story/content-of-call.ts'
import { countersign } from './cli-process.ts'
import { startConsole } from './console-fixture.ts'

const callId = newCallId(Date.now())
const digest = `sha256:${'a'.repeat(64)}`

/** A record of a call as the console is answered it: opened, and in places not. */
function record(seq: number, event: string, data: JsonObject, more: Partial<AuditRecordV3> = {}): AuditRecordV3 {
  const at = new Date(Date.parse('2026-11-22T10:00:00Z') + seq * 20).toISOString()
  const common = { callId, tenant: 'default', server: 'files', tool: 'write_file', principal: 'agent', digest }
  return {
    ...{ version: 3, kind: 'call', tenant: 'default', server: 'files', callId, event, time: at, storedAt: at },
    stream: { name: 'CALLS', seq, previous: seq - 1, created: 'x' },
    who: { principal: 'agent', actor: event === 'voted' ? 'ann' : 'service' },
    cloudEvent: { data: { ...common, ...data } },
    ...more,
  }
}

const calls = (args: JsonObject, result: JsonObject, more: Partial<AuditRecordV3> = {}) => [
  record(1, 'requested', { arguments: args, groups: ['agents'], era: '2026-07-28' }, more),
  record(2, 'held', { reason: 'r', approval: { quorum: 1, groups: ['approvers'], expiresAt: '2026-11-22T11:00:00Z' } }),
  record(
    3,
    'voted',
    { approver: 'ann', vote: 'approve', comment: 'fine \u001b[2Jby me' },
    { approvals: [{ approver: 'ann', at: '2026-11-22T10:00:00.060Z', digest, vote: 'approve' }] },
  ),
  record(4, 'dispatched', { executor: 'e1', attempt: 1 }, { execution: { executor: 'e1', attempt: 1 } }),
  record(
    5,
    'succeeded',
    { durationMs: 15, toolError: false, result },
    { execution: { durationMs: 15 }, outcome: { status: 'succeeded' } },
  ),
]

test('R13, R22: a story says on one screen what was asked, through whom, who agreed, what came of it, and how long it took', async (t) => {
  const console = await startConsole(t)
  const result = {
    inline: { content: [{ type: 'text', text: 'written\n' }], structuredContent: { content: 'written' } },
  }
  for (const each of calls({ inline: { path: '/n\u001b[2Jotes.txt' } }, result)) console.audit.seal(each)
  const told = await countersign(console, 'audit', 'story', callId)
  assert.equal(told.exit, 0, told.stderr)
  for (const shown of [
    /^agent called files: write_file {2}succeeded\n/,
    / through +robot\n/,
    / rule +files\/writes: hold\n/,
    / vote +ann: approve, "fine \\u\{1b\}\[2Jby me", .*, 20 ms after it was held\n/,
    / ran +once in 15 ms, by executor e1\n/,
    / ended +.*, 80 ms after it was asked\n/,
    /\narguments\n {4}\{\n {6}"path": ".*"\n {4}\}\n\nresult\n {4}written\n\n/,
    /\n +1 .* held +service +needs 1 approval from approvers until /,
  ])
    assert.match(told.stdout, shown)
  assert.ok(!told.stdout.includes('\u001b'), 'what an agent wrote does not steer the terminal')
  assert.ok(told.stdout.split('\n').length <= 40, 'one screen')
  const json = (await countersign(console, 'audit', 'story', callId, '--json')).json()
  assert.deepEqual([json.call.callId, json.records.length, json.records[0].record.event], [callId, 5, 'requested'])
})

test('R24, R28: a story says what was redacted and what was erased', async (t) => {
  const console = await startConsole(t)
  const hidden = {
    redactions: [{ path: '/data/arguments/inline/password', digest }],
    encrypted: [{ path: '/data/arguments/inline', digest }, { path: '/data/digest' }],
  }
  for (const each of calls({ inline: '[erased]' }, { inline: {} }, hidden)) console.audit.seal(each)
  const { stdout } = await countersign(console, 'audit', 'story', callId)
  assert.match(stdout, / redacted +arguments\/password, before it was sealed, by policy\n/)
  assert.match(stdout, / erased +arguments; when and by whom: countersign audit --outcome erased, or expired; /)
  assert.match(stdout, /\narguments\n {4}\[erased\]\n/)
})

test('content of which nothing is left, or that lies elsewhere, is told as such, and much of it is cut', () => {
  const sealed = (each: AuditRecordV3) => ({ index: 0, leafHash: '', record: each })
  const all = record(1, 'requested', {}, { encrypted: [{ path: '/data', digest }] })
  all.cloudEvent['data'] = '[erased]'
  const none = contentOfCall([sealed(all)])
  assert.deepEqual([none.arguments, none.result, none.hidden.erased], ['[erased]', undefined, ['all']])
  const changed = record(1, 'requested', { arguments: { inline: '[unreadable]' } })
  const place = { path: '/data/arguments/inline', digest }
  assert.deepEqual(contentOfCall([sealed({ ...changed, encrypted: [place] })]).hidden, {
    ...{ redacted: [], erased: [], unreadable: ['arguments'] },
  })
  assert.deepEqual(contentLines({ stored: { ref: 'x', digest, size: 300_000 } }), [
    `300000 bytes, kept beside the log: ${digest}`,
  ])
  const many = contentLines({ content: [{ type: 'text', text: Array.from({ length: 50 }, String).join('\n') }] })
  assert.deepEqual([many.length, many.at(-1)], [13, '… and 38 more lines: --json has all'])
  assert.equal(contentLines({ content: [{ type: 'text', text: 'x'.repeat(5000) }] }).at(-1), '… cut: --json has all')
  assert.deepEqual(contentLines({ content: [{ type: 'image', data: 'AAAA' }] }), ['{"type":"image","data":"AAAA"}'])
  assert.deepEqual(contentLines({ content: '[redacted]', other: 1 })[1], '  "content": "[redacted]",')
})
