import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Curve, runsAPoint } from './curves.ts'
import { plot } from './plot.ts'
import { writeSection } from './write-section.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Writes a curve into its place in `docs/performance.md` and its plot beside it. */
export async function writeCurve(curve: Curve): Promise<void> {
  const { name } = curve
  mkdirSync(join(docs, 'performance'), { recursive: true })
  writeFileSync(join(docs, 'performance', `${name}.svg`), plotOf(curve))
  await writeSection(`curve of ${name}`, `\`npm run bench -- --report --only ${name}\``, section(curve))
}

function section({ name, x, measured, measuredAt, seconds, points }: Curve): string {
  const processes = Object.keys(points[0]?.memoryMiB ?? {})
  const rows = points.map(({ x: at, p50Ms, p99Ms, callsPerSecond, memoryMiB }) =>
    [at.toLocaleString('en'), p50Ms, p99Ms, callsPerSecond, ...processes.map((process) => memoryMiB[process])].join(
      ' | ',
    ),
  )
  const head = [x, 'p50 ms', 'p99 ms', 'calls/s', ...processes.map((process) => `${process} MiB`)]
  return `### By ${x}

${measured[0]!.toUpperCase()}${measured.slice(1)}. ${measuredAt.slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), ${runsAPoint} times ${seconds} s a point.

![Latency and memory by ${x}](performance/${name}.svg)

| ${head.join(' | ')} |
| ${head.map(() => '---:').join(' | ')} |
${rows.map((row) => `| ${row} |`).join('\n')}
`
}

function plotOf({ x, points }: Curve): string {
  const total = (memory: Record<string, number>) => Object.values(memory).reduce((sum, value) => sum + value, 0)
  return plot({
    title: `Latency and memory by ${x}`,
    x,
    y: 'ms · MiB',
    series: [
      { name: 'p50 ms', points: points.map(({ x: at, p50Ms }) => [at, p50Ms]) },
      { name: 'p99 ms', points: points.map(({ x: at, p99Ms }) => [at, p99Ms]) },
      { name: 'all processes MiB', points: points.map(({ x: at, memoryMiB }) => [at, total(memoryMiB)]) },
    ],
  })
}
