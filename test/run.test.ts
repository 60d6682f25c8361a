import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Counts, countsFile } from './counts.ts'
import { sumUp } from './sum-up.ts'

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
// Without what tells a process that it runs inside a test, which would make it run none itself.
const { NODE_TEST_CONTEXT: _inside, ...env } = process.env

/** Runs the tests of a package that has these files. */
function runPackage(
  t: TestContext,
  files: Record<string, string>,
): { status: number | null; output: string; counts: Counts } {
  const dir = mkdtempSync(join(tmpdir(), 'package-'))
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'src'))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, 'src', file), text)
  const { status, stdout, stderr } = spawnSync(process.execPath, [here('run-package.ts')], {
    cwd: dir,
    env,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr, counts: JSON.parse(readFileSync(join(dir, countsFile), 'utf8')) as Counts }
}
const file = (body: string) => `import { test } from 'node:test'\n${body}\n`

test('R1: what passed, failed and was skipped is counted over all files of a package', (t) => {
  const { status, counts } = runPackage(t, {
    'a.test.ts': file("test('one', () => {}); test('two', async (t) => { await t.test('inside', () => {}) })"),
    'b.test.ts': file("test('bad', () => { throw new Error('no') }); test.skip('later', () => {})"),
  })
  assert.deepEqual(counts, { passed: 3, failed: 1, skipped: 1 })
  assert.equal(status, 1)
})

test('R1: a file that cannot be read or ends its process is a failure, and hides no other', (t) => {
  const { status, counts } = runPackage(t, {
    'a.test.ts': 'this is not TypeScript (',
    'b.test.ts': 'process.exit(3)',
    'c.test.ts': file("test('good', () => {})"),
  })
  assert.deepEqual(counts, { passed: 1, failed: 2, skipped: 0 })
  assert.equal(status, 1)
})

test('R1: a package without tests passes and says that it has none', (t) => {
  const { status, output, counts } = runPackage(t, {})
  assert.deepEqual(counts, { passed: 0, failed: 0, skipped: 0 })
  assert.equal(status, 0)
  assert.match(output, /no test files match/)
})

test('R1: one step can be run alone, and the last line is the sum', () => {
  const { stdout, status } = spawnSync(process.execPath, [here('run.ts'), '--only', 'proto'], { env, encoding: 'utf8' })
  assert.match(stdout, /\n(1 passed, 0 failed|0 passed, 1 failed)\n$/)
  assert.equal(status, stdout.endsWith('\n1 passed, 0 failed\n') ? 0 : 1)
  const unknown = spawnSync(process.execPath, [here('run.ts'), '--only', 'nothing'], { env, encoding: 'utf8' })
  assert.equal(unknown.status, 2)
  assert.match(unknown.stderr, /--only format\|lint\|/)
  const steps = /--only ([a-z0-9|]+)/.exec(unknown.stderr)![1]!.split('|')
  const page = readFileSync(here('../CONTRIBUTING.md'), 'utf8')
  assert.ok(page.includes(`(${steps.join(', ')})`), 'CONTRIBUTING.md names the steps')
})

test('R1: sums add up', () => {
  assert.deepEqual(sumUp([]), { passed: 0, failed: 0, skipped: 0 })
  assert.deepEqual(
    sumUp([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]),
    { passed: 11, failed: 22, skipped: 33 },
  )
})
