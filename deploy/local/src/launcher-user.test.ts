import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsersFileAuthenticator } from '@countersign/identity'
import { letLauncherIn } from './launcher-user.ts'

test('R23: the launcher asks under its own name, with a token that ends with the start', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-users-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'users.json')
  const mine = { id: 'mine', tenant: 'acme', groups: ['agents'], tokenSha256: 'a'.repeat(64) }
  await writeFile(path, JSON.stringify({ users: [mine] }))
  const whoIs = (token: string) => new UsersFileAuthenticator(path).authenticate(`Bearer ${token}`)

  const killed = await letLauncherIn(path, 'default')
  const launcher = await letLauncherIn(path, 'default')
  assert.deepEqual(await whoIs(launcher.token), { id: 'launcher', tenant: 'default', groups: ['operators'] })
  await assert.rejects(whoIs(killed.token), /not known/, 'the token of a start that was killed ends with the next')
  assert.ok(!(await readFile(path, 'utf8')).includes(launcher.token))
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await launcher.end()
  await assert.rejects(whoIs(launcher.token), /not known/)
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { users: [mine] })
})

test('R23: who is called launcher as well stays, whatever the launcher does', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-users-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'users.json')
  const users = [
    { id: 'launcher', tenant: 'acme', groups: ['operators'] },
    { id: 'launcher', tenant: 'default', groups: ['operators', 'approvers'] },
    { id: 'launcher', tenant: 'default', groups: ['agents'] },
  ].map((user, place) => ({ ...user, tokenSha256: String(place).repeat(64) }))
  await writeFile(path, JSON.stringify({ users }))
  const launcher = await letLauncherIn(path, 'default')
  const late = { id: 'launcher', tenant: 'default', groups: ['operators'], tokenSha256: 'b'.repeat(64) }
  const { users: now } = JSON.parse(await readFile(path, 'utf8')) as { users: object[] }
  assert.deepEqual(now.slice(0, -1), users)
  // Somebody puts one in while the launcher runs.
  await writeFile(path, JSON.stringify({ users: [...now, late] }))
  await launcher.end()
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { users: [...users, late] })
})

test('a users file that is broken is not touched', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-users-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'users.json')
  await writeFile(path, '{ "users": [')
  await (await letLauncherIn(path, 'default')).end()
  assert.equal(await readFile(path, 'utf8'), '{ "users": [')
})
