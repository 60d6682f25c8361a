import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test('those who come while it is first read wait for it', async (t) => {
  const { path, file } = watchedNumber(t)
  writeFileSync(path, '7')
  assert.deepEqual(await Promise.all([file.read(), file.read(), file.read()]), [7, 7, 7])
})
