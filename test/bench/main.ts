/**
 * `npm run bench`: what Countersign adds to a call, measured against the same tool server called directly, in one run, with every
 * event on disk. METHOD.md says what is measured and what is not. Prints a table, writes `results/`.
 *
 * File map: headline.ts (the marks) · isolation.ts (who notices whom) · soak.ts (what grows in an hour) · curves.ts (how cost grows)
 * → report.ts, plot.ts (into docs/) · compare/ (against others) · world.ts, processes.ts, upstream.ts, load.ts, open-session.ts,
 * publish.ts, start.ts, resident.ts (what is measured, and with what)
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureComparison } from './compare/compare.ts'
import { comparisonTable, writeComparison } from './compare/comparison-table.ts'
import { curveSpecs, measureCurve } from './curves.ts'
import { measureIsolation, writeIsolation } from './isolation.ts'
import { headlineTable, measureHeadline, writeHeadline } from './headline.ts'
import { measureSoak, soakTable, writeSoak } from './soak.ts'
import { writeCurve } from './report.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    rate: { type: 'string' },
    only: { type: 'string' },
    report: { type: 'boolean', default: false },
    soak: { type: 'string' },
    compare: { type: 'boolean', default: false },
    isolation: { type: 'boolean', default: false },
    largest: { type: 'string', default: '100000000' },
  },
})
const seconds = Number(options.seconds)
const results = fileURLToPath(new URL('results/', import.meta.url))
const say = (line: string) => process.stderr.write(`bench: ${line}\n`)
const keep = (name: string, value: unknown) =>
  writeFileSync(`${results}${name}.json`, `${JSON.stringify(value, undefined, 2)}\n`)

const named = ['headline', ...curveSpecs.map(({ name }) => name)]
if (options.report && options.only !== undefined && !options.compare && !named.includes(options.only)) {
  say(`there is no curve "${options.only}" to report: --only takes ${named.join(', ')}`)
  process.exit(2)
}
mkdirSync(results, { recursive: true })
if (options.compare) {
  const comparison = await measureComparison({ seconds, only: options.only }, say)
  keep('compare', comparison)
  if (options.report) await writeComparison(comparison)
  process.stdout.write(comparisonTable(comparison))
} else if (options.soak) {
  const soak = await measureSoak(Number(options.soak), say)
  keep('soak', soak)
  if (options.report) await writeSoak(soak)
  process.stdout.write(soakTable(soak))
  process.exitCode = soak.load.failed === 0 && soak.trends.every(({ flat }) => flat) ? 0 : 1
} else if (options.isolation) {
  const isolation = await measureIsolation(seconds, say)
  keep('isolation', isolation)
  if (options.report) await writeIsolation(isolation)
} else {
  const curves = options.report ? curveSpecs.filter(({ name }) => !options.only || name === options.only) : []
  if (!options.report || !options.only || options.only === 'headline') {
    const only = options.report ? undefined : options.only
    const headline = await measureHeadline(
      { seconds, rate: options.rate ? Number(options.rate) : undefined, only },
      say,
    )
    keep('latest', headline)
    if (options.report) await writeHeadline(headline)
    process.stdout.write(headlineTable(headline))
  }
  for (const spec of curves) {
    const curve = await measureCurve(spec, { seconds, largest: Number(options.largest) }, say)
    keep(spec.name, curve)
    await writeCurve(curve)
  }
}
