import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { startConsole } from './console-fixture.ts'

test('a users file that cannot be used is shown to operators until it is mended', async (t) => {
  const { get, usersFile } = await startConsole(t)
  const faults = async () => (await get('operator', '/status')).body.users.faults
  assert.deepEqual(await faults(), [])
  const good = await readFile(usersFile, 'utf8')
  await writeFile(usersFile, good.slice(0, -1))
  await until(async () => (await faults()).length > 0, 'it is told')
  const [fault] = await faults()
  assert.match(fault.problem, /users\.json cannot be used: it is not JSON, so .* taken away is still good/)
  assert.match(fault.remedy, /correct it/)
  assert.equal((await get('agent', '/status')).body.users, undefined)
  await writeFile(usersFile, good)
  await until(async () => (await faults()).length === 0, 'it is mended')
})
