import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { run } from '../src/cli/run.ts'
import { startConsole } from './console-fixture.ts'

test('a users file that cannot be used is shown to operators until it is mended', async (t) => {
  const { get, usersFile, dir } = await startConsole(t)
  const status = async () => {
    const out = new PassThrough()
    return [await run(['status', '--state', join(dir, '.countersign')], out, out), String(out.read())] as const
  }
  const faults = async () => (await get('operator', '/status')).body.users.faults
  assert.deepEqual(await faults(), [])
  const good = await readFile(usersFile, 'utf8')
  await writeFile(usersFile, good.slice(0, -1))
  await until(async () => (await faults()).length > 0, 'it is told')
  const [exit, shown] = await status()
  assert.equal(exit, 1)
  assert.match(shown, /something is wrong[^]*\n  users +list of users: .*users\.json cannot be used: it is not JSON/)
  assert.equal((await get('operator', '/status')).body.ok, false)
  assert.equal((await get('agent', '/status')).body.ok, true, 'nothing is in the way of calls')
  const [fault] = await faults()
  assert.match(fault.problem, /users\.json cannot be used: it is not JSON, so .* taken away is still good/)
  assert.match(fault.remedy, /correct it/)
  assert.equal((await get('agent', '/status')).body.users, undefined)
  const stranger = (await get('stranger', '/status')).body
  assert.equal(stranger.ok, false)
  assert.deepEqual(
    stranger.users.faults.map(({ what, remedy }: { what: string; remedy: string }) => [what, remedy]),
    [['list of users', 'ask whoever runs this Countersign, who is told what it is']],
  )
  assert.ok(!JSON.stringify(stranger).includes('users.json'))
  await writeFile(usersFile, good)
  await until(async () => (await faults()).length === 0, 'it is mended')
  assert.match((await status())[1], /everything works/)
})
