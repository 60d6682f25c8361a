import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { callEventNames } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { callStates } from '../src/cli/command.ts'
import { run } from '../src/cli/run.ts'
import packageJson from '../package.json' with { type: 'json' }
import { countersign, start } from './cli-process.ts'
import { policyText, startConsole } from './console-fixture.ts'

test('R13: wrong usage is 2, with a word on what to do', async (t) => {
  const console = await startConsole(t)
  for (const args of [
    ['nonsense'],
    ['status', '--colour'],
    ['approve'],
    ['calls', 'x'],
    ['calls', '--limit', '0'],
    ['calls', '--state', 'hold'],
    ['calls', '--since', 'soon'],
    ['status', '--as', 'root'],
    ['approve', 'not an id'],
    ['resolve', 'ab', '--outcome', 'maybe'],
    ['servers', ''],
    ['calls', '--server', 'Not_A_Label'],
  ]) {
    const { exit, stdout, stderr } = await countersign(console, ...args)
    assert.deepEqual([exit, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /^countersign: .+/)
    assert.doesNotMatch(stderr, /\n {4}at |\/api\//)
  }
  const missing = await countersign({ dir: '/' }, 'reject')
  assert.match(
    missing.stderr,
    /reject: an argument is missing\n +write: countersign reject <call> .*\n +more: +countersign help reject/,
  )
  const version = await countersign({ dir: '/' }, '--version')
  assert.deepEqual([version.exit, version.stdout], [0, `countersign ${packageJson.version}\n`])
  const help = await countersign(console)
  assert.equal(help.exit, 0)
  for (const name of [
    'status',
    'servers',
    'calls',
    'call',
    'approvals',
    'approve',
    'reject',
    'policies',
    'audit',
    'doctor',
    'resolve',
    'help',
  ]) {
    assert.match(help.stdout, new RegExp(`^  ${name}\\b`, 'm'))
    const told = new PassThrough()
    assert.equal(await run(['help', name], told, told), 0)
    assert.match(String(told.read()), new RegExp(`^countersign ${name}`))
  }
})

test('R13: no console and a wrong token are 3, with what to do next', async (t) => {
  const console = await startConsole(t)
  const nowhere = await countersign({ dir: '/' }, 'status')
  assert.equal(nowhere.exit, 3)
  assert.match(nowhere.stderr, /npm start/)
  const env = { COUNTERSIGN_CONSOLE_URL: console.url, COUNTERSIGN_TOKEN: 'wrong' }
  const wrong = start('/', ['approvals'], env)
  assert.equal(await wrong.ended, 3)
  assert.match(wrong.said.stderr, /COUNTERSIGN_TOKEN/)
  const down = start('/', ['status'], { ...env, COUNTERSIGN_CONSOLE_URL: 'http://127.0.0.1:9' })
  assert.equal(await down.ended, 3)
  assert.match(down.said.stderr, /cannot be reached.*\n.*npm start/)
  const good = start('/', ['approvals'], { ...env, COUNTERSIGN_TOKEN: console.tokens.approver })
  assert.equal(await good.ended, 0)
  assert.equal((await countersign({ dir: '/' }, 'approvals', '--state', join(console.dir, '.countersign'))).exit, 0)
})

test('I3: approving shows what will run and votes over exactly that', async (t) => {
  const console = await startConsole(t)
  const { callId, digest } = console.policy.hold({ quorum: 2 }, { path: '/n\u001b[2Jotes\u202e.txt', content: 'hello' })
  const list = await countersign(console, 'approvals')
  assert.equal(list.exit, 0)
  assert.match(list.stdout, /agent +files +write_file/)
  const first = await countersign(console, 'approve', callId, '--comment', 'fine')
  assert.equal(first.exit, 0, first.stderr)
  for (const shown of [
    'agent wants to call files: write_file',
    '"content": "hello"',
    callId,
    digest,
    'writes need a person',
    '1 of 2 approvals given',
    'needs    2 approvals from approvers, but not agent',
  ])
    assert.ok(first.stdout.includes(shown), shown)
  for (const hidden of ['\u001b', '\u202e']) {
    assert.equal(
      (first.stdout + list.stdout).includes(hidden),
      false,
      'what an agent wrote does not steer the terminal',
    )
  }
  const again = await countersign(console, 'approve', callId)
  assert.equal(again.exit, 1)
  assert.match(again.stderr, /already_voted/)
  assert.match(again.stderr, /voted already/)
  const second = await countersign(console, 'approve', callId, '--as', 'approver2', '--json')
  assert.deepEqual([second.exit, second.json().state, second.json().votes.length], [0, 'allowed', 2])
  console.policy.actsAfterMs = 200
  const other = console.policy.hold()
  const rejected = await countersign(console, 'reject', other.callId, '--as', 'approver2')
  assert.equal(rejected.exit, 0)
  assert.match(rejected.stdout, /rejected as approver2: the call is denied/)
  assert.equal(console.policy.held.get(other.callId)!.state, 'denied')
  assert.equal((await countersign(console, 'approve', 'ffffffff-0000-7000-8000-000000000000')).exit, 4)
})

test('an approval that did not help says why the call is denied all the same', async (t) => {
  const console = await startConsole(t)
  const call = await console.request()
  const { reason, decision, groups, quorum, notRequester, expiresAt } = console.policy.hold({ callId: call.callId })
  const approval = { groups, quorum, notRequester, expiresAt }
  await console.next(call, 'held', {
    ...{ definitionDigest: call.digest, idempotent: false, approval, reason, decision },
  })
  const message = 'the policies changed while the call waited, and deny it now: Secrets are not for agents'
  await console.next(call, 'denied', { reason: { code: 'policy', message } })
  console.policy.deniesApproved = true
  const { exit, stdout } = await countersign(console, 'approve', call.callId)
  assert.equal(exit, 0)
  assert.ok(stdout.endsWith(`approved as approver: the call is denied, because policy: ${message}\n`), stdout)
})

test('a vote on a call that ended, or was never held, learns where it stands, why, and what to do', async (t) => {
  const console = await startConsole(t)
  const read = await console.request()
  const write = await console.request()
  const { reason, decision, groups, quorum, notRequester, expiresAt } = console.policy.hold({
    callId: write.callId,
    state: 'denied',
  })
  const approval = { groups, quorum, notRequester, expiresAt }
  const held = { definitionDigest: write.digest, idempotent: false, approval, reason, decision }
  await console.next(write, 'held', held)
  await console.next(write, 'denied', { reason: { code: 'expired', message: 'nobody decided in time' } })
  await console.seal(read)
  await console.seal(write)
  const late = await countersign(console, 'approve', write.callId)
  assert.equal(late.exit, 1)
  assert.equal(late.stdout, '', 'it is not shown as if it were open')
  assert.match(late.stderr, /any more; it was denied \(\ds ago\): expired: nobody decided in time/)
  assert.match(late.stderr, new RegExp(`the agent must ask again; its history: countersign call ${write.callId}`))
  const never = await countersign(console, 'reject', read.callId, '--as', 'approver2')
  assert.equal(never.exit, 1)
  assert.match(never.stderr, /was never held, so nobody votes on it; it is being decided/)
  assert.match(never.stderr, new RegExp(`countersign call ${read.callId}`))

  const open = await console.request()
  await console.next(open, 'held', held)
  console.policy.hold({ callId: open.callId })
  const stranger = await countersign(console, 'approve', open.callId, '--as', 'agent2')
  assert.equal(stranger.exit, 1)
  assert.match(stranger.stderr, /waits for the approval of approvers, not of agent2[^]*--as approver/)
})

test('a call is told in one zone: local time with its offset; programs read UTC', async (t) => {
  const console = await startConsole(t)
  const call = await console.request()
  const { reason, decision, groups, quorum, notRequester } = console.policy.hold()
  await console.next(call, 'held', {
    definitionDigest: call.digest,
    idempotent: false,
    approval: { groups, quorum, notRequester, expiresAt: '2026-11-22T20:55:42.849Z' },
    reason,
    decision,
  })
  const message = 'nobody decided in time: 0 of 1 approval by 2026-11-22T20:55:42.849Z'
  await console.next(call, 'denied', { reason: { code: 'expired', message } })
  const told = start(console.dir, ['call', call.callId], { TZ: 'Asia/Kolkata' })
  assert.equal(await told.ended, 0)
  const { stdout } = told.said
  assert.match(stdout, /until 2026-11-23 02:25:42 \+05:30: writes need a person/)
  assert.match(stdout, /expired: nobody decided in time: 0 of 1 approval by 2026-11-23 02:25:42 \+05:30\n/)
  const times = stdout.match(/\d\d:\d\d:\d\d\S*( \S+)?/g)!
  assert.equal(times.length, 6)
  for (const time of times) assert.match(time, /^[\d:.]+ \+05:30/)
  assert.match((await countersign(console, 'call', call.callId, '--json')).stdout, /"2026-11-22T20:55:42\.849Z"/)
})

test('calls are listed, told in full, followed and resolved', async (t) => {
  const console = await startConsole(t)
  const follower = start(console.dir, ['calls', '--follow', '--json', '--state', 'unknown'])
  await until(() => console.feed.size === 1, 'the follower is there')
  const call = await console.request()
  await console.next(call, 'denied', { reason: { code: 'policy', message: 'Secrets are not for agents' } })
  const lost = await console.request()
  await console.seal(call)
  await console.seal(lost)
  assert.deepEqual(callStates, callEventNames)
  const table = await countersign({ dir: '/' }, 'calls', '--state', join(console.dir, '.countersign'))
  assert.match(table.stdout, /^CALL +STATE +SERVER +TOOL +WHO +CODE +WHEN$/m)
  assert.match(table.stdout, /denied +files +read_file +agent/)
  const json = (await countersign(console, 'calls', '--json', '--state', 'denied')).json()
  assert.deepEqual(
    json.calls.map(({ callId }: { callId: string }) => callId),
    [call.callId],
  )
  const history = await countersign(console, 'call', call.callId)
  assert.match(history.stdout, /requested +by agent \(agents\)[\s\S]*denied +policy: Secrets are not for agents/)
  const full = (await countersign(console, 'call', call.callId, '--json')).json()
  assert.deepEqual(
    full.events.map(({ event }: { event: string }) => event),
    ['requested', 'denied'],
  )
  assert.equal((await countersign(console, 'audit', '--outcome', 'denied', '--json')).json().records.length, 1)
  assert.match((await countersign(console, 'audit')).stdout, /denied +files +read_file +agent/)

  console.policy.hold({ callId: lost.callId })
  const resolved = await countersign(
    console,
    'resolve',
    lost.callId,
    '--outcome',
    'ran',
    '--evidence',
    'the file is there',
  )
  assert.equal(resolved.exit, 0, resolved.stderr)
  assert.deepEqual(
    console.policy.resolved.map(({ operator, outcome, evidence }) => [operator.id, outcome, evidence]),
    [['operator', 'ran', 'the file is there']],
  )
  follower.interrupt()
  assert.equal(await follower.ended, 0)
  assert.equal(follower.said.stdout, '', 'no call became unknown')
})

test('R13: the live feed is one event a line, for people and for programs', async (t) => {
  const console = await startConsole(t)
  const [people, programs] = [start(console.dir, ['calls', '--follow']), start(console.dir, ['calls', '-f', '--json'])]
  await until(() => console.feed.size === 2, 'both are there')
  const call = await console.request()
  await until(() => people.said.stdout !== '' && programs.said.stdout !== '', 'both are told')
  for (const each of [people, programs]) each.interrupt()
  assert.deepEqual([await people.ended, await programs.ended], [0, 0])
  assert.match(
    people.said.stdout,
    new RegExp(`^[\\d:.]+ [+-]\\d\\d:\\d\\d  ${call.callId}  requested   files: read_file  agent\\n$`),
  )
  const { event, callId } = JSON.parse(programs.said.stdout)
  assert.deepEqual([event, callId], ['requested', call.callId])
})

test('R13: policies are checked without any console, with file, line, column and reason, and 1 for problems', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-check-'))
  t.after(() => rm(dir, { recursive: true }))
  const folder = join(dir, 'policies')
  await mkdir(folder)
  await writeFile(join(folder, 'good.yaml'), policyText('good'))
  await writeFile(join(folder, '.hidden.yaml'), 'not for policy')
  const good = await countersign({ dir }, 'policies', 'check', 'policies')
  assert.equal(good.exit, 0, good.stderr)
  assert.match(good.stdout, /good +all +allow[^]*no problems in one file\n$/)
  await writeFile(join(folder, 'bad.yml'), policyText('bad').replace('effect', 'effct'))
  const bad = await countersign({ dir }, 'policies', 'check', 'policies')
  assert.deepEqual(
    [bad.exit, bad.stdout],
    [1, 'policies/bad.yml:6:34: rule "all": unknown key `effct`, did you mean `effect`?\n'],
  )
  const [problem] = (await countersign({ dir }, 'policies', 'check', 'policies/bad.yml', '--json')).json().problems
  assert.deepEqual([problem.file, problem.line], ['policies/bad.yml', 6])
  await writeFile(join(folder, 'bad.yml'), Buffer.from([0xff]))
  const binary = await countersign({ dir }, 'policies', 'check', 'policies/bad.yml')
  assert.deepEqual(
    [binary.exit, binary.stdout],
    [1, 'policies/bad.yml:1:1: the file cannot be read: it is not UTF-8 text\n'],
  )
  assert.equal((await countersign({ dir }, 'policies', 'check', 'nowhere')).exit, 4)
  assert.equal((await countersign({ dir }, 'policies', 'check')).exit, 2)
  await rm(folder, { recursive: true })
  await mkdir(folder)
  assert.equal((await countersign({ dir }, 'policies', 'check', folder)).exit, 2)
})

test('the command says of documents by itself what a running console says of them', async (t) => {
  const console = await startConsole(t)
  const files = ['broken', 'good', 'twice'].map((name) => ({ file: `${name}.yaml`, text: policyText(name) }))
  files[0]!.text = files[0]!.text.replace('when', 'wen')
  files[2]!.text = files[2]!.text.replace('twice', 'good')
  const folder = join(console.dir, 'texts')
  await mkdir(folder)
  for (const { file, text } of files) await writeFile(join(folder, file), text)
  const { body } = await console.post('operator', '/policies/check', { files })
  assert.equal(body.problems.length, 2)
  assert.deepEqual((await countersign({ dir: folder }, 'policies', 'check', '.', '--json')).json(), body)
  assert.equal((await countersign(console, 'policies')).exit, 0)
})
