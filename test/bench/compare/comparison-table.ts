import { writeSection } from '../write-section.ts'
import type { Comparison, Turn } from './compare.ts'

/** Writes the outcome into `docs/performance.md`. */
export async function writeComparison(comparison: Comparison): Promise<void> {
  await writeSection('comparison', '`npm run bench -- --compare --report`', comparisonTable(comparison))
}

/** The outcome as a Markdown table, medians of the turns. */
export function comparisonTable({ at, machine, seconds, entries }: Comparison): string {
  const head = ['', 'one caller: p50 ms', 'p99 ms', '64 callers: calls/s', 'p50 ms', 'p99 ms', 'failed', 'MiB']
  const rows = entries
    .filter(({ turns }) => turns.length > 0)
    .map(({ name, version, turns }) => {
      const middle = (of: (turn: Turn) => number) =>
        median(turns.map(of)).toLocaleString('en', { maximumFractionDigits: 1 })
      return [
        `${name} ${version}`.trim(),
        middle(({ one }) => one.p50Ms),
        middle(({ one }) => one.p99Ms),
        middle(({ many }) => many.callsPerSecond * (1 - many.failed / many.calls)).split('.')[0]!,
        middle(({ many }) => many.p50Ms),
        middle(({ many }) => many.p99Ms),
        String(turns.reduce((sum, { one, many }) => sum + one.failed + many.failed, 0)),
        middle(({ memoryMiB }) => memoryMiB),
      ]
    })
  const problems = entries.flatMap(({ name, turns, problem, version }) => [
    ...(problem === undefined ? [] : [`- ${name} ${version} could not be measured to the end: ${oneLine(problem)}`]),
    ...turns
      .flatMap(({ one, many }) => one.firstFailure ?? many.firstFailure ?? [])
      .slice(0, 1)
      .map((first) => `- the first failure of ${name}: ${oneLine(first)}`),
  ])
  return [
    `${at.slice(0, 10)}, ${machine.cpus} cores (${machine.model}), ${machine.memoryGiB} GiB; ${seconds} s a measurement, medians of ${Math.max(...entries.map(({ turns }) => turns.length))} turns.`,
    '',
    `| ${head.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(head.length - 1)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    ...(problems.length > 0 ? ['', ...problems] : []),
    '',
  ].join('\n')
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 300)
}
