import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { callEventNames } from '@countersign/contracts'
import { checkPolicies } from '@countersign/policies'
import { allowedFixture, newGrantSigner, until } from '@countersign/testing'
import { callStates } from '../src/cli/command.ts'
import { run } from '../src/cli/run.ts'
import packageJson from '../package.json' with { type: 'json' }
import { countersign, start } from './cli-process.ts'
import { policyText, serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

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

test('servers are listed, shown with what changed, and a change is accepted by its digest', async (t) => {
  const console = await startConsole(t)
  assert.match((await countersign(console, 'servers')).stdout, /no tool server yet/)
  const nothing = await countersign(console, 'servers', 'accept')
  assert.deepEqual([nothing.exit, nothing.stdout], [0, 'no changed tool waits to be accepted\n'])
  await console.register(serverFixture(), toolFixtures())
  await until(
    async () => (await console.get('operator', '/servers/files')).body.tools?.length === 2,
    'the registry arrives',
  )
  assert.match((await countersign(console, 'servers')).stdout, /files +ready +Url +2025-11-25 +2 +1 +0/)
  const one = await countersign(console, 'servers', 'files')
  assert.match(one.stdout, /write_file +quarantined +destroys/)
  assert.match(one.stdout, /\/description\n +- "Writes"\n +\+ "Writes anything anywhere"/)
  const nowhere = await countersign(console, 'servers', 'nowhere')
  assert.equal(nowhere.exit, 4)
  assert.match(nowhere.stderr, /no tool server "nowhere"[^]*countersign servers\n$/)
  assert.doesNotMatch(nowhere.stderr, /\/api\//)
  const accept = await countersign(console, 'servers', 'accept')
  assert.deepEqual([accept.exit, accept.stderr], [0, ''])
  assert.match(
    accept.stdout,
    /files +changed +write_file[^]*nobody can call[^]*countersign servers accept files write_file/,
  )
  const waiting = [{ server: 'files', tool: 'write_file', what: 'changed' }]
  assert.deepEqual((await countersign(console, 'servers', 'accept', 'files', '--json')).json(), { waiting })
  assert.equal(console.lifecycle.accepted.length, 0, 'nothing was accepted')
  assert.equal((await countersign(console, 'servers', 'accept', 'nowhere')).exit, 4)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'read_file')).exit, 1)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'nothing')).exit, 4)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'write_file')).exit, 0)
  assert.equal(console.lifecycle.accepted.length, 1)
  assert.ok(console.lifecycle.accepted[0]!.endsWith(toolFixtures()[1]!.offered!.digest))
  assert.equal((await countersign(console, 'servers', '--as', 'agent')).exit, 1, 'not for agents')
})

test('a tool that cannot be used is shown with the reason, and there is nothing to accept', async (t) => {
  const console = await startConsole(t)
  const problem = 'inputSchema: expected an object'
  await console.register(serverFixture(), [{ server: 'files', name: 'bad', state: 'quarantined', problem }])
  await until(
    async () => (await console.get('operator', '/servers/files')).body.tools?.length === 1,
    'the registry arrives',
  )
  const { stdout } = await countersign(console, 'servers', 'files')
  assert.match(stdout, /bad +quarantined/)
  assert.match(
    stdout,
    /bad cannot be used and is quarantined until its server mends it: inputSchema: expected an object/,
  )
  const accepting = await countersign(console, 'servers', 'accept', 'files', 'bad')
  assert.equal(accepting.exit, 1)
  assert.match(accepting.stderr, /the definition of bad cannot be used: inputSchema: .*have files mend it/s)
})

test('R44: tools that were left out show wherever servers do', async (t) => {
  const console = await startConsole(t)
  const leftOut = 'bad (inputSchema: its type must be "object"), 2000 tools after the first 5000'
  await console.register(serverFixture({ leftOut }), [])
  await until(async () => (await console.get('operator', '/servers')).body.servers.length === 1, 'the registry arrives')
  for (const command of [['servers'], ['servers', 'files'], ['doctor']]) {
    const { stdout } = await countersign(console, ...command)
    assert.match(
      stdout.replaceAll(/\s+/g, ' '),
      /left out:? bad \(inputSchema: its type must be "object"\), 2000 tools after/,
    )
  }
})

test('status and doctor tell what is wrong and what to do about it', async (t) => {
  const console = await startConsole(t)
  const well = await countersign(console, 'status')
  assert.equal(well.exit, 0, well.stdout)
  assert.match(well.stdout, /everything works/)
  const columns = well.stdout.match(/^ {2}\S+(?: log)? +(?=\S)/gm)!.map(({ length }) => length)
  assert.equal(new Set(columns).size, 1, 'values stand below each other')
  const healthy = await countersign(console, 'doctor')
  assert.equal(healthy.exit, 0, healthy.stdout)
  assert.match(
    healthy.stdout,
    /the token of late ended at 2020-01-01T00:00:00Z, so it is refused[^]*no tool server, so agents have nothing to call[^]*Countersign works; 2 things to look at/,
  )

  await console.auditBus.close()
  const problem = { file: 'a.yaml', line: 3, column: 5, message: 'unknown key effct' }
  console.policy.view = { ...console.policy.view, problems: [problem] }
  await chmod(join(console.dir, '.countersign', 'local.json'), 0o644)
  await writeFile(console.usersFile, 'no users')
  await until(
    async () => (await console.get('operator', '/status')).body.users.faults.length > 0,
    'the users are looked at',
  )
  const sick = await countersign(console, 'doctor', '--json')
  assert.equal(sick.exit, 1)
  const failed = sick.json().checks.filter(({ verdict }: { verdict: string }) => verdict === 'bad') as {
    name: string
    message: string
    remedy: string
  }[]
  assert.deepEqual(
    failed.map(({ name }) => name),
    ['local.json', 'users', 'audit', 'policies'],
  )
  for (const { name, message, remedy } of failed) {
    assert.match(message, /, so /, `${name} says why it matters`)
    assert.ok(remedy.length > 10, `${name} says what to do`)
  }
  assert.equal((await countersign(console, 'status')).exit, 1)
  assert.equal((await countersign({ dir: '/' }, 'doctor')).exit, 1)
})

test('I7, R31: while audit is behind, status and doctor say that new calls are refused, why, and what to do', async (t) => {
  const console = await startConsole(t)
  const reason = 'the audit log is too far behind: 7 events wait to be sealed, and at most 5 may'
  console.policy.audit = { state: 'behind', reason, events: 7, oldestMs: 2000, maxEvents: 5, maxAgeMs: 300_000 }
  console.audit.problem = 'ENOSPC: no space left on device, write'
  const status = await countersign(console, 'status')
  assert.equal(status.exit, 1)
  assert.match(status.stdout, /something is wrong/)
  assert.match(status.stdout, /new calls +refused, because the audit log is too far behind: 7 events wait/)
  assert.match(status.stdout, /audit log +cannot record: ENOSPC/)
  const doctor = await countersign(console, 'doctor')
  assert.equal(doctor.exit, 1)
  assert.match(doctor.stdout, /FAIL +new calls +are refused \(audit_behind\), because .* at most 5 may\n +→ mend what/)
  assert.match(doctor.stdout, /FAIL +audit log +cannot record, so 0 events wait, .*ENOSPC.*\n +→ make room on its disk/)
  assert.deepEqual((await console.get('operator', '/status')).body.newCalls, { taken: false, reason })
})

test('doctor tells of tokens that end, and of grants that executors refuse', async (t) => {
  const console = await startConsole(t)
  const list = JSON.parse(await readFile(console.usersFile, 'utf8')) as { users: { id: string; expiresAt?: string }[] }
  const expiresAt = {
    agent: new Date(Date.now() - 60_000).toISOString(),
    approver: new Date(Date.now() + 86_400_000).toISOString(),
  }
  for (const user of list.users) Object.assign(user, { expiresAt: expiresAt[user.id as 'agent'] ?? user.expiresAt })
  await writeFile(console.usersFile, JSON.stringify(list))
  const call = await console.request({})
  await console.next(
    call,
    'allowed',
    allowedFixture(newGrantSigner(), call, {}, { definitionDigest: call.digest, idempotent: true }),
  )
  const error = { code: 'grant_invalid', message: 'the grant was refused; nothing ran' } as const
  await console.next(call, 'failed', { error, durationMs: 0 })
  await console.seal(call)
  const fault = { what: 'key of grants', problem: 'the file cannot be used, so it is the old one', remedy: 'mend it' }
  console.policy.faults = [fault]
  await until(
    async () => (await console.get('operator', '/status')).body.users.expiring.length === 3,
    'the users are looked at',
  )
  const { exit, stdout } = await countersign(console, 'doctor')
  assert.equal(exit, 1)
  assert.match(stdout, /look +users +the token of agent ended at 20\S+, so it is refused\n +→ give out a new one/)
  assert.match(stdout, /look +users +the token of approver ends at 20\S+, and is refused then/)
  assert.match(stdout, /FAIL +grant keys +1 call of the last 15 minutes failed because an executor refused the grant/)
  assert.match(stdout, /→ see why: countersign call .*COUNTERSIGN_GRANT_PUBLIC_KEYS_FILE/)
  assert.match(stdout, /FAIL +bus +key of grants: the file cannot be used, so it is the old one\n +→ mend it/)
  assert.equal((await console.get('agent2', '/status')).body.users, undefined)
})

test('a server that no policy mentions is ready, and said to be of no use', async (t) => {
  const console = await startConsole(t)
  await console.register(serverFixture({ quarantinedCount: 0 }), [])
  await until(async () => (await console.get('operator', '/servers/files')).status === 200, 'the registry arrives')
  const told = async () => {
    const [list, one, status, doctor] = await Promise.all(
      [['servers'], ['servers', 'files'], ['status'], ['doctor']].map((args) => countersign(console, ...args)),
    )
    return [list!.stdout, one!.stdout, status!.stdout, doctor!.stdout]
  }
  const texts = await told()
  for (const text of texts) assert.match(text, /mentioned by no policy|ready, but no policy mentions it/)
  const { checks } = (await countersign(console, 'doctor', '--json')).json()
  const { verdict, remedy } = checks.find(({ name }: { name: string }) => name === 'files')
  assert.equal(verdict, 'warn')
  assert.match(remedy, /spec\.match\.servers has files/)
  const { policies } = checkPolicies([{ file: 'all.yaml', text: policyText('all') }])
  console.policy.view = { ...console.policy.view, policies }
  for (const text of await told()) assert.doesNotMatch(text, /no policy/)
})

test('doctor names the cause of a server that is not ready, once, with why it matters and what to do', async (t) => {
  const console = await startConsole(t)
  const { conditions } = serverFixture()
  const dead = conditions.map((each) =>
    each.type === 'Accepted' ? each : { ...each, status: 'False' as const, message: `${each.type}: ECONNREFUSED` },
  )
  await console.register(serverFixture({ conditions: dead, quarantinedCount: 0 }), [])
  await until(async () => (await console.get('operator', '/servers/files')).status === 200, 'the registry arrives')
  const { exit, stdout } = await countersign(console, 'doctor')
  assert.equal(exit, 1)
  assert.match(
    stdout,
    /FAIL +files +is not available, so its tools cannot be called: Available: ECONNREFUSED\n +→ start it/,
  )
  assert.doesNotMatch(stdout, /Verified/)
})
