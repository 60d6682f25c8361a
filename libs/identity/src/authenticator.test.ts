import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsersFileAuthenticator } from './authenticator.ts'

const sha = (token: string) => createHash('sha256').update(token).digest('hex')
const user = (id: string, token: string, more = {}) => ({
  id,
  tenant: 'default',
  groups: ['agents'],
  tokenSha256: sha(token),
  ...more,
})

function usersFile(t: { after: (fn: () => void) => void }, users: object[]) {
  const dir = mkdtempSync(join(tmpdir(), 'users-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'users.json')
  const write = (list: object[]) => writeFileSync(path, JSON.stringify({ users: list }))
  write(users)
  return { path, write }
}

test('a token says who its owner is', async (t) => {
  const { path } = usersFile(t, [user('ann', 'token-a')])
  const authenticator = new UsersFileAuthenticator(path)
  assert.deepEqual(await authenticator.authenticate('Bearer token-a'), {
    id: 'ann',
    tenant: 'default',
    groups: ['agents'],
  })
})

test('missing, malformed, wrong and expired tokens are refused, each with its reason', async (t) => {
  const { path } = usersFile(t, [user('old', 'token-o', { expiresAt: '2020-01-01T00:00:00Z' })])
  const authenticator = new UsersFileAuthenticator(path)
  const refused = (header: string | undefined, reason: RegExp) =>
    assert.rejects(authenticator.authenticate(header), { code: 'unauthenticated', message: reason })
  await refused(undefined, /no bearer token/)
  await refused('Basic YTpi', /no bearer token/)
  await refused('Bearer two words', /no bearer token/)
  await refused('Bearer token-x', /not known/)
  await refused('Bearer token-o', /expired/)
})

test('a changed file is taken up; a broken one changes nothing and says why', async (t) => {
  const { path, write } = usersFile(t, [user('ann', 'token-a')])
  let now = 0
  const told: string[] = []
  const authenticator = new UsersFileAuthenticator(path, { now: () => now, onProblem: (problem) => told.push(problem) })
  await authenticator.authenticate('Bearer token-a')
  write([user('ann', 'token-a'), user('bob', 'token-b')])
  now += 1000
  assert.equal((await authenticator.authenticate('Bearer token-b')).id, 'bob')
  writeFileSync(path, '{"users": [{"id": "eve"}]}')
  now += 1000
  assert.equal((await authenticator.authenticate('Bearer token-b')).id, 'bob')
  assert.match(authenticator.problem ?? '', /users\.json cannot be used/)
  writeFileSync(path, 'token-b is what I forgot')
  now += 1000
  await authenticator.authenticate('Bearer token-b')
  assert.match(authenticator.problem ?? '', /it is not JSON$/, 'I9: nothing of it is quoted')
  assert.equal(told.length, 2)
})

test('callers who come while the file is first read wait for it', async (t) => {
  const { path } = usersFile(t, [user('ann', 'token-a')])
  const authenticator = new UsersFileAuthenticator(path)
  const found = await Promise.all(Array.from({ length: 5 }, () => authenticator.authenticate('Bearer token-a')))
  assert.deepEqual(
    found.map(({ id }) => id),
    Array(5).fill('ann'),
  )
})
