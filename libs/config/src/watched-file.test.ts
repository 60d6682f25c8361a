import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WatchedFile } from './watched-file.ts'

function watchedNumber(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'watched-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'number')
  const clock = { now: 0 }
  const problems: string[] = []
  const parse = (text: string) => {
    if (!/^\d+$/.test(text)) throw new Error(`${text} is no number`)
    return Number(text)
  }
  const onProblem = (problem: string) => problems.push(problem)
  return { path, clock, problems, file: new WatchedFile(path, parse, { onProblem, now: () => clock.now }) }
}

test('a changed file is taken up after a while, or when asked to look now', async (t) => {
  const { path, clock, file } = watchedNumber(t)
  writeFileSync(path, '1')
  assert.equal(await file.read(), 1)
  // Put in place whole, as mounted secrets are: same size, perhaps the same instant.
  writeFileSync(`${path}.new`, '2')
  renameSync(`${path}.new`, path)
  assert.equal(await file.read(), 1)
  assert.equal(await file.read(0), 2)
  writeFileSync(path, '33')
  clock.now += 1000
  assert.equal(await file.read(), 33)
})

test('a broken or missing file changes nothing; each reason is told once', async (t) => {
  const { path, clock, problems, file } = watchedNumber(t)
  await assert.rejects(file.read(), /number cannot be used: ENOENT/)
  writeFileSync(path, '1')
  clock.now += 1000
  assert.equal(await file.read(), 1)
  assert.equal(file.problem, undefined)
  writeFileSync(path, 'x')
  for (let look = 0; look < 3; look++) {
    clock.now += 1000
    assert.equal(await file.read(), 1)
  }
  assert.match(file.problem ?? '', /x is no number/)
  rmSync(path)
  clock.now += 1000
  assert.equal(await file.read(), 1)
  assert.equal(problems.length, 3)
})

test('a file that comes back as it was has no problem any more', async (t) => {
  const { path, problems, file } = watchedNumber(t)
  const aside = join(dirname(path), 'aside')
  const shared = join(dirname(path), 'shared')
  mkdirSync(shared)
  writeFileSync(join(shared, 'number'), '1')
  symlinkSync(join(shared, 'number'), path)
  assert.equal(await file.read(0), 1)
  for (let times = 1; times <= 2; times++) {
    // Like a mount that goes away and comes back: nothing about the file itself changes.
    renameSync(shared, aside)
    assert.equal(await file.read(0), 1)
    assert.match(file.problem ?? '', /ENOENT/)
    renameSync(aside, shared)
    assert.equal(await file.read(0), 1)
    assert.equal(file.problem, undefined)
    assert.equal(problems.length, times, 'told anew each time')
  }
})

test('a wall clock that is set back does not stop the looks', async (t) => {
  const { path } = watchedNumber(t)
  const wall = t.mock.method(Date, 'now', () => 1_000_000)
  const file = new WatchedFile(path, Number, { everyMs: 1 })
  writeFileSync(path, '1')
  assert.equal(await file.read(), 1)
  wall.mock.mockImplementation(() => 0)
  writeFileSync(path, '22')
  await until(async () => (await file.read()) === 22)
})

/** `testing` is further up; this library cannot use it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 1000; look++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.fail('it never happened')
}

test('those who come while it is first read wait for it', async (t) => {
  const { path, file } = watchedNumber(t)
  writeFileSync(path, '7')
  assert.deepEqual(await Promise.all([file.read(), file.read(), file.read()]), [7, 7, 7])
})
