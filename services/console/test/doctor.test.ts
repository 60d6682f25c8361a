import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { digestOf, newCallId } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { run } from '../src/cli/run.ts'
import { start } from './cli-process.ts'
import { type Console, serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

/** What the command says, of the state folder that is named. */
async function said({ dir }: Pick<Console, 'dir'>, ...args: string[]): Promise<string> {
  const out = new PassThrough()
  await run([...args, '--state', join(dir, '.countersign')], out, out)
  return String(out.read())
}

test('doctor tells of many calls whose outcome is unknown in one finding, with the first few', async (t) => {
  const console = await startConsole(t)
  const ids = Array.from({ length: 9 }, (_, n) => newCallId(Date.now() + n))
  const seal = (callId: string, place: number) =>
    console.audit.seal({
      ...{
        version: 2,
        tenant: 'default',
        server: 'files',
        callId,
        event: 'unknown',
        storedAt: new Date().toISOString(),
      },
      stream: { seq: place + 1, previous: place, created: 'x' },
      cloudEvent: { data: { tool: 'write_file', principal: 'agent', digest: digestOf({}) } },
    })
  seal(ids[0]!, 0)
  assert.match(
    await said(console, 'doctor'),
    new RegExp(
      `look +unknown calls +1 call may .*: ${ids[0]} \\(files: write_file\\)\\n +→ .*resolve ${ids[0]} --outcome`,
    ),
  )
  for (const [place, callId] of ids.slice(1).entries()) seal(callId, place + 1)
  const told = await said(console, 'doctor')
  assert.equal(told.match(/unknown calls/g)!.length, 1)
  assert.match(told, /unknown calls +9 calls may or may not have run, .*\(files: write_file\) and 6 more\n/)
  assert.match(told, /→ .*countersign resolve <call> --outcome .*countersign calls --state unknown\n/)
})

test('doctor says "accept it" of tools that can be accepted, and of others that their server has to mend them', async (t) => {
  const console = await startConsole(t)
  const [read, changed] = toolFixtures()
  const broken = { server: 'files', name: 'bad', state: 'quarantined', problem: 'inputSchema: it is none' } as const
  await console.register(serverFixture({ quarantinedCount: 1 }), [read!, changed!])
  await console.register(serverFixture({ name: 'odd', quarantinedCount: 2 }), [
    { ...broken, server: 'odd' },
    { ...broken, server: 'odd', name: 'worse' },
  ])
  await until(async () => (await console.get('operator', '/servers')).body.servers.length === 2, 'the registry arrives')
  const told = await said(console, 'doctor')
  assert.match(
    told,
    /files +1 tool of it changed, so nobody can call it: write_file\n +→ .*countersign servers accept files write_file\n/,
  )
  assert.match(
    told,
    /odd +2 tools of it cannot be used, so nobody can call them: bad, worse\n +→ its server has to mend/,
  )
  assert.doesNotMatch(told, /accept odd/)
})

test('doctor tells that the clock of this machine is wrong, and what to do', async (t) => {
  const console = await startConsole(t)
  for (const wrongByMs of [3_600_000, -3_600_000]) {
    const wrong = `data:text/javascript,const{now}=Date;Date.now=()=>now()+${wrongByMs}`
    const { said: told, ended } = start(console.dir, ['doctor'], { NODE_OPTIONS: `--import=${wrong}` })
    assert.equal(await ended, 1, told.stderr)
    assert.match(
      told.stdout,
      /FAIL +clock +this machine and the console are 3[56]\d\d s apart, so .*\n +→ set both clocks by NTP\n/,
    )
    assert.match(told.stdout, /\n1 of \d+ checks failed\n$/)
  }
})

test('R46: while audit hangs, doctor says what does not work and what was not looked at', async (t) => {
  const console = await startConsole(t)
  console.audit.hangs = true
  const told = await said(console, 'doctor')
  assert.match(told, /FAIL +audit +audit does not answer, so nothing is sealed/)
  assert.match(told, /look +audit log +nothing of it was looked at, nor its index/)
  assert.doesNotMatch(told, /^(ok|look|FAIL) +(unknown calls|exports|grant keys)/m)
})

test('R46: while nats-server hangs, status and doctor name it, say what to do, and wait for nobody else', async (t) => {
  const console = await startConsole(t)
  await console.register(serverFixture({ quarantinedCount: 0 }), [])
  await until(async () => (await console.get('operator', '/servers/files')).status === 200, 'the registry arrives')
  console.server.process.kill('SIGSTOP')
  try {
    await until(async () => !(await console.bus.answers(200)), 'it hangs')
    const [{ body }, status, doctor] = await Promise.all([
      console.get('operator', '/status'),
      said(console, 'status'),
      said(console, 'doctor'),
    ])
    assert.deepEqual([body.ok, body.bus], [false, { connected: true, answers: false }])
    for (const { answers, message } of body.services)
      assert.deepEqual([answers, message], [false, 'could not be asked, because nats-server does not answer'])
    assert.match(status, / bus +connected, but nats-server does not answer, so no call is taken/)
    assert.match(
      doctor,
      /FAIL +bus +nats-server does not answer, so .*\n +→ end it: kill -9 \$\(cat .*nats-server\.pid\); it is started again/,
    )
    assert.match(doctor, /\n1 of 6 checks failed\n$/)
  } finally {
    console.server.process.kill('SIGCONT')
  }
})

test('hints name the folders of the state that was asked for, and the command that starts it', async (t) => {
  const console = await startConsole(t)
  const dir = join(console.dir, 'elsewhere')
  await mkdir(dir)
  await cp(join(console.dir, '.countersign'), join(dir, '.countersign'), { recursive: true })
  const state = join(dir, '.countersign')
  await console.register(serverFixture({ quarantinedCount: 0 }), [])
  await until(async () => (await console.get('operator', '/servers/files')).status === 200, 'the registry arrives')
  await console.policyBus.close()
  const told = await said({ dir }, 'doctor')
  assert.ok(told.includes(`look at the log of policy (${state}/logs/policy.log)`), told)
  assert.ok(told.includes(`npm start -- --state ${state}\n`), told)
  assert.doesNotMatch(told, / \.countersign\//)
  const nowhere = await said({ dir: join(dir, 'nowhere') }, 'doctor')
  assert.match(nowhere, /there is no local\.json in (\S+)\n.*start it with: npm start -- --state \1 /)
})
