/**
 * What `npm test` runs once everything is installed: every step in order, each whatever became of the others, and at the end
 * one line with the sum. `--only <step>` runs one of them.
 *
 * A gate (format, lint, …) counts as one test. Packages are tested through nx, which remembers what passed; the counts of a
 * remembered run come back with it (`.test/counts.json`).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '@countersign/bus/server'
import { findVersitygw } from '@countersign/testing'
import { type Counts, countsFile } from './counts.ts'
import { sumUp } from './sum-up.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Step {
  name: string
  run: () => Counts
}

/** Runs a command with its output passed through; true when it ended with 0. */
function succeeds(command: string, args: string[], cwd = root): boolean {
  const env = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
    // Hundreds of processes read the same sources: they are compiled once.
    NODE_COMPILE_CACHE:
      process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'countersign', 'compiled'),
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
  }
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) console.error(`${command} could not be run: ${error.message}`)
  return status === 0
}

function gate(name: string, script: string): Step {
  return { name, run: () => (succeeds('npm', ['run', '--silent', script]) ? one('passed') : one('failed')) }
}

/** Tests every package that has a script `test`; one that leaves no counts has failed, however that came about. */
function testPackages(): Counts {
  const packages = globSync(['libs/*', 'services/*', 'deploy/*'], { cwd: root }).filter(hasTests).toSorted()
  for (const folder of packages) rmSync(join(root, dirname(join(folder, countsFile))), { recursive: true, force: true })
  const ok = succeeds('nx', ['run-many', '-t', 'test', '--parallel=2', '--outputStyle=static'])
  const sum = sumUp(packages.map((folder) => readCounts(folder)))
  return ok || sum.failed > 0 ? sum : sumUp([sum, one('failed')])
}

function hasTests(folder: string): boolean {
  const path = join(root, folder, 'package.json')
  if (!existsSync(path)) return false
  const { scripts } = JSON.parse(readFileSync(path, 'utf8')) as { scripts?: Record<string, string> }
  return scripts?.test !== undefined
}

/** Tests of the repository as a whole; never remembered. */
function testFiles(...args: string[]): Counts {
  rmSync(join(root, 'test', countsFile), { force: true })
  const ok = succeeds('node', ['run-package.ts', ...args], join(root, 'test'))
  const counts = readCounts('test')
  return ok || counts.failed > 0 ? counts : sumUp([counts, one('failed')])
}

function readCounts(folder: string): Counts {
  try {
    return JSON.parse(readFileSync(join(root, folder, countsFile), 'utf8')) as Counts
  } catch {
    console.error(`${folder}: the tests left no counts, so they count as one failure; their output is above`)
    return one('failed')
  }
}

function one(outcome: keyof Counts): Counts {
  return { passed: 0, failed: 0, skipped: 0, [outcome]: 1 }
}

function line({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

const steps: readonly Step[] = [
  gate('format', 'format:check'),
  gate('lint', 'lint'),
  gate('typecheck', 'typecheck'),
  gate('proto', 'proto:check'),
  gate('docs', 'docs:check'),
  { name: 'packages', run: testPackages },
  { name: 'e2e', run: () => testFiles('e2e/**/*.test.ts') },
  // Two at once: most of the time of each is waiting for something to be redelivered.
  { name: 'faults', run: () => testFiles('--jobs=2', 'faults/**/*.test.ts') },
  { name: 'soak', run: () => testFiles('bench/**/*.test.ts') },
  { name: 'repository', run: () => testFiles('*.test.ts', 'docs/**/*.test.ts') },
]

const [option, only] = process.argv.slice(2)
const wanted = option === undefined ? steps : steps.filter(({ name }) => option === '--only' && name === only)
if (wanted.length === 0) {
  console.error(`usage: run.ts [--only ${steps.map(({ name }) => name).join('|')}]`)
  process.exit(2)
}
// Once, before many tests look for it at the same time.
if (wanted.some(({ name }) => ['packages', 'e2e', 'faults', 'soak'].includes(name))) {
  await findNatsServer((message) => console.log(message)).catch((error: unknown) =>
    console.error((error as Error).message),
  )
}
if (wanted.some(({ name }) => name === 'packages')) {
  console.log('looking for an S3 server for tests (built with Go, once, if there is none)')
  await findVersitygw().catch((error: unknown) => console.error((error as Error).message))
}
const results = wanted.map(({ name, run }) => {
  console.log(`\n── ${name}`)
  const started = performance.now()
  const counts = run()
  console.log(`── ${name}: ${line(counts)} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
  return { name, counts }
})
const sum = sumUp(results.map(({ counts }) => counts))
console.log('')
for (const { name, counts } of results) console.log(`${name.padEnd(10)} ${line(counts)}`)
console.log(`\n${line(sum)}`)
process.exitCode = sum.failed === 0 ? 0 : 1
