// Runs the test files of the package in the current folder, and writes down how many passed: the script `test` of every package.
// `--jobs=<n>` before the patterns runs so many files at once.
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { countsFile, type Counts } from './counts.ts'

const jobs = /^--jobs=(\d+)$/.exec(process.argv[2] ?? '')?.[1]
const patterns = process.argv.slice(jobs === undefined ? 2 : 3)
if (patterns.length === 0) patterns.push('src/**/*.test.ts', 'test/**/*.test.ts')
const files = globSync(patterns).toSorted()
const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
rmSync('.test', { recursive: true, force: true })

/** The longest takes seven minutes. One that leaves something running would keep everybody waiting for ever. */
const fileTimeoutMs = 15 * 60_000
// One file at a time unless told otherwise: several packages are tested at once already.
const events = run({ files, concurrency: jobs === undefined ? false : Number(jobs), timeout: fileTimeoutMs })
events.on('test:summary', ({ counts: of, file }) => {
  // Each file has a summary of its own; the one without a file is the sum of them.
  if (file !== undefined) return
  counts.passed = of.passed
  counts.failed = of.tests - of.passed - of.skipped - of.todo
  counts.skipped = of.skipped + of.todo
})
events.on('end', () => {
  mkdirSync('.test', { recursive: true })
  writeFileSync(countsFile, `${JSON.stringify(counts)}\n`)
  process.exitCode = counts.failed === 0 ? 0 : 1
})
// Without a file, node:test would look for some by itself.
if (files.length === 0) console.log(`no test files match ${patterns.join(' ')}`)
events.compose(spec).pipe(process.stdout)
