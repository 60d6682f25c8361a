import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Curve } from './curves.ts'
import { plot } from './plot.ts'
import { writeSection } from './write-section.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Writes the curves of a folder of results into `docs/performance.md` and their plots beside it. */
export async function writeReport(results: string): Promise<void> {
  const curves = readdirSync(results)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(results, name), 'utf8')) as Partial<Curve>)
    .filter((each): each is Curve => each.points !== undefined)
  mkdirSync(join(docs, 'performance'), { recursive: true })
  for (const curve of curves) writeFileSync(join(docs, 'performance', `${curve.name}.svg`), plotOf(curve))
  await writeSection('curves', '`npm run bench -- --report`', curves.map(section).join('\n'))
}

function section({ name, x, measured, points }: Curve): string {
  const processes = Object.keys(points[0]?.memoryMiB ?? {})
  const rows = points.map(({ x: at, p50Ms, p99Ms, callsPerSecond, memoryMiB }) =>
    [at.toLocaleString('en'), p50Ms, p99Ms, callsPerSecond, ...processes.map((process) => memoryMiB[process])].join(
      ' | ',
    ),
  )
  const head = [x, 'p50 ms', 'p99 ms', 'calls/s', ...processes.map((process) => `${process} MiB`)]
  return `### By ${x}

${measured[0]!.toUpperCase()}${measured.slice(1)}.

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
