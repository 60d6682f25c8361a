import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkPolicies } from '@countersign/policies'
import { allowedFixture, newGrantSigner, until } from '@countersign/testing'
import { countersign } from './cli-process.ts'
import { policyText, serverFixture, startConsole } from './console-fixture.ts'

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
