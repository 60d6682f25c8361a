import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { ExportView } from '@countersign/contracts'
import { run } from '../src/cli/run.ts'
import { type Console, startConsole } from './console-fixture.ts'

/** Runs a command line against a console, as its operator. */
async function countersign(console: Console, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const said = Promise.all([text(stdout), text(stderr)])
  const exit = await run([...args, '--state', console.dir], stdout, stderr)
  stdout.end()
  stderr.end()
  const [out, err] = await said
  return { exit, out, err }
}

const view = (name: string, more: Partial<ExportView> = {}): ExportView => ({
  ...{ name, type: 'webhook', state: 'waiting', next: 40, lagRecords: 0, lagSeconds: 0, sent: 40, failed: 0, dead: 0 },
  deadLetters: [],
  ...more,
})

test('R13, R26: exports are shown with what is wrong, dead letters are retried or discarded, and doctor says so', async (t) => {
  const console = await startConsole(t)
  const { audit } = console
  assert.match((await countersign(console, 'audit', 'exports')).out, /^no exports/)
  const letter = { first: 13, last: 13, reason: 'the target answered 422', at: new Date().toISOString() }
  audit.exports = [
    view('archive', { type: 's3', lastSentAt: '2026-11-27T02:00:00.000Z' }),
    view('siem', { state: 'failing', lagRecords: 7, lagSeconds: 61, problem: 'the target answered 503' }),
    view('soc', { dead: 1, deadLetters: [letter] }),
  ]
  audit.exportProblems = [{ file: 'new.yaml', line: 5, column: 3, message: 'unknown key `mtach`' }]
  const { exit, out } = await countersign(console, 'audit', 'exports')
  assert.equal(exit, 0)
  assert.match(out, /archive +s3 +waiting +0 +0 +40 +0 /)
  assert.match(out, /siem +webhook +failing +7 +61 /)
  assert.match(out, /siem: the target answered 503\n/)
  assert.match(out, /soc: record 13 refused: the target answered 422\n/)
  assert.match(out, /refused: new\.yaml:5:3: unknown key `mtach`\n/)

  const retried = await countersign(console, 'audit', 'exports', 'retry', 'soc')
  assert.deepEqual([retried.exit, retried.out], [0, '1 dead letter of soc will be sent again\n'])
  await countersign(console, 'audit', 'exports', 'discard', 'soc')
  assert.deepEqual(audit.settled, ['retry default soc', 'discard default soc'])
  const unknown = await countersign(console, 'audit', 'exports', 'retry', 'nobody')
  assert.match(unknown.err, /there is no export nobody/)
  assert.equal((await countersign(console, 'audit', 'exports', 'forget', 'soc')).exit, 2)

  const doctor = (await countersign(console, 'doctor')).out
  assert.match(doctor, /ok +exports +archive works/)
  assert.match(doctor, /look +exports +siem: the target answered 503; 7 records wait, and nothing is lost/)
  assert.match(doctor, /look +exports +soc: its target refused 1 dead letter for good/)
  assert.match(doctor, /look +exports +new\.yaml:5:3/)
})
