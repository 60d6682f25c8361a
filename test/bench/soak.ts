import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { LoadOutcome } from './load.ts'
import { plot } from './plot.ts'
import { residentMiB } from './resident.ts'
import { startWorld, type World } from './world.ts'
import { writeSection } from './write-section.ts'

/** What a process or stream holds at one moment, by name. */
export interface Sample {
  atSeconds: number
  memoryMiB: Record<string, number>
  openFiles: Record<string, number>
  callsKept: number
  callsMiB: number
}

/** How one quantity went from the second quarter of the run to the last. */
export interface Trend {
  what: string
  before: number
  after: number
  flat: boolean
}

/** Half of the most that this machine takes, for a long time. */
export interface Soak {
  at: string
  seconds: number
  ratePerSecond: number
  load: LoadOutcome
  trends: Trend[]
  samples: Sample[]
}

const samplesAtLeast = 40

/**
 * Runs at half load and watches memory, open files and the stream of calls. The first half is not judged: pools fill, the server
 * remembers ids for two minutes, and ended calls are kept for a sixth of the run at most ten minutes.
 */
export async function measureSoak(seconds: number, say: (line: string) => void): Promise<Soak> {
  const graceMs = Math.min(600, seconds / 6) * 1000
  const world = await startWorld(say, { COUNTERSIGN_AUDIT_GRACE_MS: String(Math.round(graceMs)) })
  try {
    await world.addServer('bench', await world.startUpstream(3), 3)
    const job = { ...world.governed('bench'), tools: ['echo-2'], concurrency: 64, warmupSeconds: 3 }
    const { callsPerSecond } = await world.load({ ...job, ratePerSecond: 0, seconds: 10 })
    const ratePerSecond = Math.max(1, Math.floor(callsPerSecond / 2))
    say(`half load is ${ratePerSecond} calls/s, for ${seconds} s`)
    const samples: Sample[] = []
    const started = performance.now()
    const everyMs = Math.min(30_000, (seconds * 1000) / samplesAtLeast)
    const auditor = await world.connect('auditor')
    const watch = setInterval(() => {
      void auditor.streamInfo('CALLS').then(({ bytes, firstSeq, lastSeq }) => {
        samples.push({
          atSeconds: Math.round((performance.now() - started) / 1000),
          memoryMiB: residentMiB(world.running),
          openFiles: openFiles(world),
          callsKept: lastSeq - firstSeq + 1,
          callsMiB: Math.round((bytes / 2 ** 20) * 10) / 10,
        })
      })
    }, everyMs)
    const load = await world.load({ ...job, ratePerSecond, seconds })
    clearInterval(watch)
    return { at: new Date().toISOString(), seconds, ratePerSecond, load, trends: trendsOf(samples), samples }
  } finally {
    await world.stop()
  }
}

/** Files and sockets each process has open; only where the system tells. */
function openFiles({ running }: World): Record<string, number> {
  if (process.platform !== 'linux') return {}
  return Object.fromEntries(running.processes.map(({ name, pid }) => [name, readdirSync(`/proc/${pid()}/fd`).length]))
}

function trendsOf(samples: Sample[]): Trend[] {
  const quarter = Math.floor(samples.length / 4)
  const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
  const trend = (what: string, of: (sample: Sample) => number, slack: number): Trend => {
    const [before, after] = [early, late].map((part) => median(part.map(of))) as [number, number]
    return { what, before, after, flat: after <= before * 1.1 + slack }
  }
  const names = Object.keys(samples[0]?.memoryMiB ?? {})
  return [
    ...names.map((name) => trend(`${name} MiB`, ({ memoryMiB }) => memoryMiB[name]!, 5)),
    ...names
      .filter((name) => samples[0]?.openFiles[name] !== undefined)
      .map((name) => trend(`${name} open files`, ({ openFiles: files }) => files[name]!, 5)),
    trend('messages in CALLS', ({ callsKept }) => callsKept, 100),
    trend('MiB in CALLS', ({ callsMiB }) => callsMiB, 5),
  ]
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The soak as a table for people. */
export function soakTable({ seconds, ratePerSecond, load, trends }: Soak): string {
  const lines = trends.map(
    ({ what, before, after, flat }) =>
      `${what.padEnd(28)} ${String(before).padStart(8)} → ${String(after).padStart(8)}  ${flat ? 'flat' : 'GROWS'}`,
  )
  const { calls, failed, p50Ms, p99Ms } = load
  return `${seconds} s at ${ratePerSecond} calls/s: ${calls} calls, ${failed} failed, p50 ${p50Ms} ms, p99 ${p99Ms} ms\nsecond quarter → last quarter (medians)\n${lines.join('\n')}\n`
}

/** Writes the soak into `docs/performance.md`, with a plot of memory over time beside it. */
export async function writeSoak(soak: Soak): Promise<void> {
  const { at, seconds, ratePerSecond, load, trends, samples } = soak
  const folder = fileURLToPath(new URL('../../docs/performance/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const minutes = (sample: Sample) => sample.atSeconds / 60
  const memory = Object.keys(samples[0]?.memoryMiB ?? {}).map((name) => ({
    name,
    points: samples.map((sample) => [minutes(sample), sample.memoryMiB[name]!] as const),
  }))
  writeFileSync(
    `${folder}soak.svg`,
    plot({ title: 'Memory over time', x: 'minutes', y: 'MiB', series: memory, axes: 'linear' }),
  )
  const rows = trends.map(
    ({ what, before, after, flat }) => `| ${what} | ${before} | ${after} | ${flat ? 'yes' : 'no'} |`,
  )
  await writeSection(
    'soak',
    '`npm run bench -- --soak 3600 --report`',
    `${at.slice(0, 10)}, ${cpus().length} cores, ${seconds} s at ${ratePerSecond} calls/s: ${load.calls.toLocaleString('en')} calls, ${load.failed} failed,
p50 ${load.p50Ms} ms, p99 ${load.p99Ms} ms. Medians of the second quarter of the run and of its last:

| what | second quarter | last quarter | flat |
| --- | ---: | ---: | --- |
${rows.join('\n')}

![Memory over time](performance/soak.svg)
`,
  )
}
