import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newCallId, SealedRecord } from '@countersign/contracts'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { type Console, startConsole } from './console-fixture.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** Runs the command as a person would, in the folder of a running console. */
function countersign({ dir }: Console, ...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'audit', ...args], { cwd: dir }, (error, stdout, stderr) =>
      resolve({ exit: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

/** Seals some records, of whose content a spreadsheet would make a formula. */
function sealMany({ audit }: Console, count: number): void {
  for (let seq = 1; seq <= count; seq++) {
    const data = { tool: 'write_file', principal: 'agent', note: 'a "quoted", value\nof two lines' }
    audit.seal({
      ...{
        version: 3,
        kind: 'call',
        tenant: 'default',
        server: 'files',
        callId: newCallId(Date.now()),
        event: 'failed',
      },
      storedAt: '2026-11-22T10:00:00.000Z',
      stream: { name: 'CALLS', seq, previous: seq - 1, created: 'x' },
      who: { principal: '=cmd()', actor: 'agent-executor' },
      what: { method: 'tools/call', tool: 'write_file', digest: `sha256:${'a'.repeat(64)}` },
      execution: { attempt: 1, durationMs: 1.5 },
      outcome: { status: 'failed', reason: { code: 'timeout', message: 'late, very' }, toolError: seq % 2 === 0 },
      cloudEvent: { id: String(seq), traceparent: `00-${'c'.repeat(32)}-${'b'.repeat(16)}-01`, data },
    })
  }
}

test('R21: an export has every record once, in each format, read back by readers that are not ours', async (t) => {
  const console = await startConsole(t)
  const total = 2345
  sealMany(console, total)
  const newestFirst = Array.from({ length: total }, (_, place) => total - 1 - place)
  for (const format of ['jsonl', 'csv', 'parquet']) {
    const { exit, stdout, stderr } = await countersign(console, 'export', '--out', `all.${format}`, '--json')
    assert.equal(exit, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), { file: `all.${format}`, format, records: total, size: total, indexed: total })
  }
  const lines = (await readFile(join(console.dir, 'all.jsonl'), 'utf8')).trimEnd().split('\n')
  const records = lines.map((line) => SealedRecord.parse(JSON.parse(line)))
  assert.deepEqual(
    records.map(({ index }) => index),
    newestFirst,
  )

  const csv = await readFile(join(console.dir, 'all.csv'), 'utf8')
  assert.match(csv, /^index,stored_at,kind,event,tenant,server,tool,/)
  assert.equal(csv.split('\r\n').length, total + 2)
  assert.match(csv, /\r\n2344,2026-11-22T10:00:00\.000Z,call,failed,default,files,write_file,[-0-9a-f]{36},'=cmd\(\),/)
  assert.match(csv, /"late, very"/)

  const file = await asyncBufferFromFile(join(console.dir, 'all.parquet'))
  const rows = await parquetReadObjects({ file })
  assert.deepEqual(
    rows.map(({ index }) => Number(index)),
    newestFirst,
  )
  const {
    stored_at: storedAt,
    principal,
    duration_ms: durationMs,
    tool_error: toolError,
    policy_revision,
    data,
  } = rows[0]!
  assert.deepEqual(
    [storedAt, principal, durationMs, toolError, policy_revision, rows[0]!['trace_id'], JSON.parse(data).tool],
    [new Date('2026-11-22T10:00:00.000Z'), '=cmd()', 1.5, false, undefined, 'c'.repeat(32), 'write_file'].map(
      (value) => value ?? null,
    ),
  )
  assert.deepEqual(
    (await readdir(console.dir)).filter((name) => name.endsWith('.part')),
    [],
  )
  for (const [args, reason] of [
    [['export'], /--out FILE is missing/],
    [['export', '--out', 'x.txt'], /--format, or how FILE ends, must be one of/],
    [['export', '--out', 'no/such/folder/x.csv'], /cannot be written/],
    [['export', '--out', 'x.csv', '--outcome', 'x'.repeat(100)], /--outcome/],
  ] as const) {
    const { exit, stderr } = await countersign(console, ...args)
    assert.deepEqual([exit, reason.test(stderr)], [2, true], stderr)
  }
})

test('R13, R22: the log is counted, listed and told at the command line, and indexed anew', async (t) => {
  const console = await startConsole(t)
  const call = await console.request()
  await console.seal(call)
  const told = await countersign(console, 'story', call.callId)
  assert.equal(told.exit, 0, told.stderr)
  assert.match(told.stdout, /trace +a{32}\n/)
  assert.match(told.stdout, /rule +files\/writes: hold/)
  assert.match(told.stdout, /through +robot/)
  assert.match((await countersign(console, 'story', newCallId(1))).stderr, /unknown_call/)

  const counted = await countersign(
    console,
    'counts',
    '--since',
    '2h',
    '--bucket',
    '15m',
    '--principal',
    'agent',
    '--text',
    'a b',
  )
  assert.match(counted.stdout, / 3 +█+ +2 succeeded, 1 denied\n.*3 calls in all/)
  const listed = await countersign(console, 'top', 'tool', '--limit', '5', '--rule', 'writes')
  assert.match(listed.stdout, /CALLS +TOOL\n +7 +files: write_file/)
  const [counts, top] = console.audit.asked as Record<string, unknown>[]
  const { bucket, of, principal, text, tenant } = counts!
  assert.deepEqual(
    { bucket, of, principal, text, tenant },
    { bucket: '15m', of: 'calls', principal: 'agent', text: 'a b', tenant: 'default' },
  )
  assert.deepEqual(top, { tenant: 'default', rule: 'writes', by: 'tool', limit: 5 })
  assert.match((await countersign(console, 'top', 'nonsense')).stderr, /must be one of: principal/)
  assert.match((await countersign(console, 'nonsense')).stderr, /there is no "audit nonsense"/)

  const anew = await countersign(console, 'reindex')
  assert.deepEqual([anew.exit, anew.stdout], [0, '1 record indexed\n'])
})

test('R21: a cursor goes on in the log as it was with the first page', async (t) => {
  const console = await startConsole(t)
  sealMany(console, 5)
  const { get } = console
  const first = (await get('operator', '/audit/records?limit=2')).body
  assert.deepEqual([first.size, first.indexed, first.records.length], [5, 5, 2])
  sealMany(console, 5)
  const rest = (await get('operator', `/audit/records?limit=10&cursor=${first.next}`)).body
  assert.deepEqual(
    rest.records.map(({ index }: { index: number }) => index),
    [2, 1, 0],
  )
  assert.equal(rest.indexed, 5)
  for (const cursor of [
    'i5',
    'aTUu',
    Buffer.from('i5.x').toString('base64url'),
    Buffer.from('i-1').toString('base64url'),
  ]) {
    const { status, body } = await get('operator', `/audit/records?cursor=${cursor}`)
    assert.deepEqual([status, body.error.code], [400, 'invalid_params'])
  }
})
