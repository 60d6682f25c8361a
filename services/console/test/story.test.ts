import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type AuditRecordV3, type Json, type JsonObject, newCallId } from '@countersign/contracts'
import type { Invocation } from '../src/cli/command.ts'
import { auditStory } from '../src/cli/commands/audit-story.ts'
import type { Client } from '../src/cli/connect/client.ts'
import { Output } from '../src/cli/output/output.ts'
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
  assert.deepEqual([none.arguments, none.result, none.hidden.erased], [{ inline: '[erased]' }, undefined, ['all']])
  const changed = record(1, 'requested', { arguments: { inline: '[unreadable]' } })
  const place = { path: '/data/arguments/inline', digest }
  assert.deepEqual(contentOfCall([sealed({ ...changed, encrypted: [place] })]).hidden, {
    ...{ redacted: [], erased: [], unreadable: ['arguments'] },
  })
  assert.deepEqual(contentLines({ stored: { digest, size: 300_000 } }), [
    `300000 bytes, of which the log has the digest alone: ${digest}`,
  ])
  const large = { ...record(1, 'requested', {}), cloudEvent: {}, content: { digest, size: 10_000_000 } }
  assert.deepEqual(contentLines(contentOfCall([sealed(large)]).arguments!), [
    `too large to be shown: its event has 10000000 bytes and lies in the folder content of the log: ${digest}`,
  ])
  const inline = (value: Json) => contentLines({ inline: value })
  const many = inline({ content: [{ type: 'text', text: Array.from({ length: 50 }, String).join('\n') }] })
  assert.deepEqual([many.length, many.at(-1)], [13, '… and 38 more lines: --json has all'])
  assert.equal(inline({ content: [{ type: 'text', text: 'x'.repeat(5000) }] }).at(-1), '… cut: --json has all')
  // Characters that take no room do not make a line longer than it looks.
  const [marks] = inline({ content: [{ type: 'text', text: `e${'\u0301'.repeat(5000)}` }] })
  assert.ok(marks!.length <= 1000)
  assert.deepEqual(inline({ content: [{ type: 'image', data: 'AAAA' }] }), ['{"type":"image","data":"AAAA"}'])
  assert.deepEqual(inline({ content: '[redacted]', other: 1 })[1], '  "content": "[redacted]",')
  // What an agent writes is not taken for what the log says.
  assert.deepEqual(inline({ stored: { digest, size: 1 } })[1], '  "stored": {')
})

test('R13, R15: a story with content of any size is bounded on the screen, and whole for programs', async (t) => {
  const console = await startConsole(t)
  const text = 'x'.repeat(6 * 1024 * 1024 - 1000)
  for (const each of calls({ inline: {} }, { inline: { content: [{ type: 'text', text }] } })) console.audit.seal(each)
  const { stdout, stderr, exit } = await countersign(console, 'audit', 'story', callId)
  assert.equal(exit, 0, stderr)
  assert.match(stdout, /\nresult\n {4}x{399}…\n {4}… cut: --json has all\n/)
  assert.ok(stdout.length < 4000, 'it fits on a screen')
  const json = (await countersign(console, 'audit', 'story', callId, '--json')).json()
  assert.equal(json.records[4].record.cloudEvent.data.result.inline.content[0].text, text)
  for (const list of [['audit'], ['audit', '--call', callId]]) {
    const listed = await countersign(console, ...list)
    assert.deepEqual([listed.exit, listed.stdout.split('\n').length, listed.stdout.length < 2000], [0, 7, true])
  }
  assert.equal((await countersign(console, 'audit', 'export', '--out', 'all.jsonl')).exit, 0)
  const [newest] = (await readFile(join(console.dir, 'all.jsonl'), 'utf8')).split('\n')
  assert.equal(JSON.parse(newest!).record.cloudEvent.data.result.inline.content[0].text, text)
})

test('R22: a story that ends before its call does says so, and where the rest is', async () => {
  const records = calls({ inline: {} }, { inline: {} }).map((each, index) => ({ index, leafHash: '', record: each }))
  const steps = records.slice(0, 3).map(({ index, record: { event, storedAt } }) => ({ index, event, storedAt }))
  const call = { callId, tenant: 'default', server: 'files', tool: 'write_file', principal: 'agent', digest }
  const story = {
    call: { ...call, state: 'succeeded', updatedAt: records[4]!.record.storedAt },
    ...{ agents: ['agent'], rules: [], approvals: [], steps, size: 5, indexed: 3 },
  }
  const answers = { [`/audit/calls/${callId}`]: story, '/audit/records': { records: records.toReversed() } }
  const client = { get: (path: keyof typeof answers) => Promise.resolve(answers[path]) } as unknown as Client
  const sink = new PassThrough()
  const out = new Output(sink, { json: false, noColor: true })
  const asked = { args: ['story', callId], out, client: () => Promise.resolve(client) }
  assert.equal(await auditStory(asked as unknown as Invocation), 0)
  const shown = String(sink.read())
  assert.match(
    shown,
    new RegExp(`\\n2 records of this call came after what is told here: countersign audit --call ${callId}\\n$`),
  )
  assert.match(shown, / ended +not yet\n/)
})

test('of a call with very many records the newest are shown', async (t) => {
  const console = await startConsole(t)
  for (let seq = 1; seq <= 150; seq++) console.audit.seal(record(seq, seq === 1 ? 'requested' : 'dispatched', {}))
  const { stdout } = await countersign(console, 'audit', 'story', callId)
  assert.match(stdout, /\n50 earlier records are left out: --json has all\n/)
  assert.equal(stdout.match(/ dispatched /g)?.length, 100)
})
