import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, rm, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { policyText } from './fixtures.ts'
import { ops, startWorld, type World } from './policy-world.ts'

const view = (world: World) => world.console.callApi(verbs.policy.policies, {})
const typo = policyText('typo', ['name: reads, when: "tool.readonly", effect: allow'])

async function decision(world: World) {
  const { at } = await world.request({})
  const { entries } = await until(async () => {
    const history = await world.gateway.history(at)
    return history.entries.length > 1 ? history : undefined
  }, 'it is decided')
  const { name, event } = entries[1]!
  return name === 'denied' ? (event as { data: { reason: { code: string } } }).data.reason.code : name
}

test('I7, R5: with no policy, and with only a broken one, every call is denied', async (t) => {
  const world = await startWorld(t, {})
  const { expectations } = await world.start()
  assert.deepEqual(expectations.awaited, [], 'policy answers, so it is ready')
  assert.equal(await decision(world), 'no_policy')
  await world.writePolicy('a.yaml', typo)
  const { revision, problems } = await until(async () => {
    const now = await view(world)
    return now.problems.length > 0 ? now : undefined
  }, 'the problem shows')
  assert.equal(revision, null)
  assert.deepEqual(
    problems.map(({ file, line, column }) => [file, line, column]),
    [['a.yaml', 6, 28]],
  )
  assert.match(problems[0]!.message, /readonly/)
  assert.equal(await decision(world), 'no_policy')
  await world.writePolicy('a.yaml', typo.replace('readonly', 'readOnly'))
  await until(async () => (await view(world)).revision !== null, 'the corrected policy is in force')
  assert.equal(await decision(world), 'allowed')
  assert.deepEqual((await view(world)).problems, [])
})

test('a broken file refuses the whole set and leaves the last good one in force, across a restart', async (t) => {
  const world = await startWorld(t)
  const first = await world.start()
  const good = await view(world)
  assert.deepEqual(
    good.policies.map(({ name, rules }) => [name, rules.length]),
    [['ops', 3]],
  )
  await world.writePolicy('fine.yaml', policyText('fine', ['name: no, when: "true", effect: deny']))
  await world.writePolicy('ops.yaml', ops.replace('effect: allow', 'efect: allow'))
  await until(async () => (await view(world)).problems.length > 0, 'the set is refused')
  assert.equal((await view(world)).revision, good.revision)
  assert.equal(await decision(world), 'allowed')
  await first.stop()
  await world.start()
  const after = await view(world)
  assert.equal(after.revision, good.revision)
  assert.equal(after.loadedAt, good.loadedAt)
  assert.ok(after.problems.length > 0)
  assert.equal(await decision(world), 'allowed')
  await world.writePolicy('ops.yaml', ops)
  await until(async () => (await view(world)).revision !== good.revision, 'the mended set is in force')
  assert.equal(await decision(world), 'policy')
})

test('others learn of the revision in force from the bucket', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const revisions: (string | undefined)[] = []
  const bucket = await world.gateway.bucket('policies')
  const following = await bucket.follow(({ key, value }) => {
    const revision = key === 'current' ? value && JSON.parse(new TextDecoder().decode(value)).revision : undefined
    // Written also when what is to be recorded of a change is.
    if (revision !== revisions.at(-1)) revisions.push(revision)
  })
  t.after(() => following.stop())
  assert.deepEqual(revisions, [(await view(world)).revision])
  await world.writePolicy('more.yaml', policyText('more', ['name: all, when: "true", effect: allow']))
  await until(() => revisions.length === 2, 'the new revision is told')
  assert.equal(revisions[1], (await view(world)).revision)
})

test('I7: an emptied folder is no policy; one that cannot be read changes nothing', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const { revision } = await view(world)
  await rm(world.policiesDir, { recursive: true })
  await until(async () => (await view(world)).problems.length > 0, 'the missing folder shows')
  assert.equal((await view(world)).revision, revision)
  const other = await startWorld(t)
  const first = await other.start()
  await unlink(join(other.policiesDir, 'ops.yaml'))
  await until(async () => (await view(other)).revision === null, 'the empty folder is taken up')
  assert.equal(await decision(other), 'no_policy')
  await first.stop()
  await other.writePolicy('a.yaml', typo)
  await other.start()
  assert.equal(await decision(other), 'no_policy')
})

test('I7, R33: an entry that is no file is refused by name and reason; what was in force stays, and what else changes is seen', async (t) => {
  const world = await startWorld(t)
  const first = await world.start()
  const { revision } = await view(world)
  const at = (name: string) => join(world.policiesDir, name)
  await mkdir(at('folder.yaml'))
  await symlink(at('nothing'), at('link.yaml'))
  execFileSync('mkfifo', [at('pipe.yaml')])
  const problems = async () => (await view(world)).problems.map(({ file, message }) => `${file}: ${message}`)
  await until(async () => (await problems()).length === 3, 'each is told')
  for (const [place, reason] of [
    /it is a folder/,
    /link\.yaml.*a link to what is not there/,
    /a pipe or a device/,
  ].entries())
    assert.match((await problems())[place]!, reason)
  // Also at a start.
  await first.stop()
  await world.start()
  assert.deepEqual([(await problems()).length, (await view(world)).revision], [3, revision])
  assert.equal(await decision(world), 'allowed')
  // While one cannot be looked at, changes of the others are seen.
  await world.writePolicy('typo.yaml', typo)
  await until(async () => (await problems()).length > 3, 'the typo is told')
  for (const name of ['folder.yaml', 'link.yaml', 'pipe.yaml', 'typo.yaml']) await rm(at(name), { recursive: true })
  await until(async () => (await problems()).length === 0, 'all is well again')
  // With nothing in force, nothing is allowed.
  const other = await startWorld(t)
  await unlink(join(other.policiesDir, 'ops.yaml'))
  await mkdir(join(other.policiesDir, 'folder.yaml'))
  await other.start()
  assert.equal(await decision(other), 'no_policy')
})

test('check judges texts without loading them', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const before = await view(world)
  const good = policyText('good', ['name: all, when: "true", effect: allow'])
  const files = [
    { file: 'good.yaml', text: good },
    { file: 'typo.yaml', text: typo },
  ]
  const { problems, policies } = await world.console.callApi(verbs.policy.check, { files })
  assert.deepEqual(
    problems.map(({ file }) => file),
    ['typo.yaml'],
  )
  assert.deepEqual(
    policies.map(({ name }) => name),
    ['good'],
  )
  assert.deepEqual(await view(world), before)
})
