import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { ExportView } from '@countersign/contracts'
import type { StatusAnswer } from '../src/api/gather-status.ts'
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
    view('stopped', { dead: 1000, deadLetters: [letter] }),
  ]
  const since = new Date(Date.now() - 300_000).toISOString()
  const trouble = { name: 'siem', tenant: 'acme', lagRecords: 7, problem: 'the target answered 503', since }
  audit.exportTroubles = [
    { ...trouble, state: 'failing', remedy: 'look at the target' },
    {
      ...trouble,
      name: 'soc',
      state: 'blocked',
      problem: '1000 dead letters are kept',
      remedy: 'retry or discard them',
    },
  ]
  audit.exportProblems = [{ file: 'new.yaml', line: 5, column: 3, message: 'unknown key `mtach`' }]
  const { exit, out } = await countersign(console, 'audit', 'exports')
  assert.equal(exit, 0)
  assert.match(out, /archive +s3 +waiting +0 +0 +40 +0 /)
  assert.match(out, /siem +webhook +failing +7 +61 /)
  assert.match(
    out,
    /siem has been failing for tenant acme since \S+ \S+ \S+ \(5m ago\): the target answered 503; 7 records waiting\n  → look at the target\n/,
  )
  assert.match(
    out,
    /soc: record 13 refused: the target answered 422\nstopped: record 13 .*\nstopped: and 999 dead letters more\n/,
  )
  assert.match(out, /refused: new\.yaml:5:3: unknown key `mtach`\n/)

  const retried = await countersign(console, 'audit', 'exports', 'retry', 'soc')
  assert.deepEqual([retried.exit, retried.out], [0, '1 dead letter of soc will be sent again\n'])
  await countersign(console, 'audit', 'exports', 'discard', 'soc')
  assert.deepEqual(audit.settled, ['retry default soc operator', 'discard default soc operator'])
  const unknown = await countersign(console, 'audit', 'exports', 'retry', 'nobody')
  assert.match(unknown.err, /there is no export nobody, so nothing was done; there are archive, soc/)
  assert.match(unknown.err, /list exports with: countersign audit exports/)
  assert.doesNotMatch(unknown.err, /servers/)
  assert.equal((await countersign(console, 'audit', 'exports', 'forget', 'soc')).exit, 2)

  const doctor = (await countersign(console, 'doctor')).out
  assert.match(doctor, /ok +exports +archive works/)
  assert.match(
    doctor,
    /look +exports +siem has been failing for tenant acme since \S+ \S+ \S+ \(5m ago\): .* 503; 7 records waiting\n +→ look at/,
  )
  assert.match(
    doctor,
    /look +exports +soc has stopped for tenant acme since \S+ .*: 1000 dead letters are kept; .*\n +→ retry or/,
  )
  assert.match(doctor, /look +exports +soc: its target refused 1 dead letter for good/)
  assert.match(doctor, /look +exports +new\.yaml:5:3/)
})

test('R13, R26: status says which export does not get on, of which tenant, since when, why and what to do', async (t) => {
  const console = await startConsole(t)
  const { audit } = console
  audit.exports = [view('siem')]
  const calm = await countersign(console, 'status')
  assert.match(calm.out, /exports +1 export at work/)
  const since = new Date(Date.now() - 300_000).toISOString()
  const trouble = { name: 'siem', tenant: 'default', lagRecords: 1, problem: 'the target answered 503', since }
  audit.exportTroubles = [{ ...trouble, state: 'failing', remedy: 'look at the target' }]
  const failing = await countersign(console, 'status')
  assert.doesNotMatch(failing.out, /everything works/)
  assert.match(
    failing.out,
    /exports +siem has been failing for tenant default since \S+ \S+ \S+ \(5m ago\): the target answered 503; 1 record waiting/,
  )
  assert.match(failing.out, /→ look at the target/)
  audit.exportTroubles = []
  audit.exports = [view('siem', { dead: 2 })]
  assert.match(
    (await countersign(console, 'status')).out,
    /2 dead letters, refused .* → see: countersign audit exports/,
  )
  // What is not in the way of calls does not make status fail by itself.
  const { exports: told } = JSON.parse((await countersign(console, 'status', '--json')).out) as StatusAnswer
  assert.deepEqual(told, { total: 1, troubles: [], dead: 2, refused: 0 })
})
