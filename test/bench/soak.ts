import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bus } from '@countersign/bus'
import { type StreamName, streams } from '@countersign/contracts'
import type { LoadOutcome } from './load.ts'
import { plot } from './plot.ts'
import { processesOf, residentMiB } from './resident.ts'
import { startWorld, type World } from './world.ts'
import { writeSection } from './write-section.ts'

/** What a process or stream holds at one moment, by name. */
export interface Sample {
  atSeconds: number
  memoryMiB: Record<string, number>
  streams: Record<StreamName, { messages: number; mib: number }>
}

/**
 * How one quantity went: of memory and streams the medians of the second quarter and of the last, of open files those at rest. What has a
 * limit of its own may grow up to that: `AUDIT` to its budget, then it forgets its oldest; the files of the database to what Postgres keeps
 * open, which it does from its first maintenance on.
 */
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
/** Longer than any connection is kept that nobody uses. */
const restMs = 12_000
const restSampleMs = 500
/** Postgres keeps so many open at most (`max_files_per_process`). */
const databaseFiles = 1000

/**
 * Runs at half load and watches memory, open files and the streams. The first half is not judged: pools fill, the server
 * remembers ids for two minutes, and ended calls are kept for a sixth of the run at most ten minutes. Open files are counted before and after,
 * while nobody calls: during the load they are as many as calls happen to be in flight.
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
    const filesBefore = await openFilesAtRest(world)
    const samples: Sample[] = []
    const started = performance.now()
    const everyMs = Math.min(30_000, (seconds * 1000) / samplesAtLeast)
    const bus = await world.connect('provisioner')
    const watch = setInterval(() => {
      const atSeconds = Math.round((performance.now() - started) / 1000)
      void streamSizes(bus).then((sizes) => {
        samples.push({ atSeconds, memoryMiB: residentMiB(world.running), streams: sizes })
      })
    }, everyMs)
    const load = await world.load({ ...job, ratePerSecond, seconds })
    clearInterval(watch)
    const filesAfter = await openFilesAtRest(world)
    const files = Object.entries(filesBefore).map(([name, before]) => {
      const after = filesAfter[name]!
      if (name === 'index of audit') return within(`${name} open files`, before, after, databaseFiles)
      return trend(`${name} open files`, before, after, 5)
    })
    return {
      at: new Date().toISOString(),
      seconds,
      ratePerSecond,
      load,
      trends: [...trendsOf(samples), ...files],
      samples,
    }
  } finally {
    await world.stop()
  }
}

async function streamSizes(bus: Bus): Promise<Sample['streams']> {
  const sizes = Object.keys(streams).map(async (name) => {
    const { bytes, firstSeq, lastSeq } = await bus.streamInfo(name as StreamName)
    return [name, { messages: lastSeq - firstSeq + 1, mib: Math.round((bytes / 2 ** 20) * 10) / 10 }] as const
  })
  return Object.fromEntries(await Promise.all(sizes)) as Sample['streams']
}

/** The fewest files and sockets that each process has open while nobody calls; only where the system tells. */
async function openFilesAtRest({ running }: World): Promise<Record<string, number>> {
  if (process.platform !== 'linux') return {}
  const fewest = new Map<string, number>()
  for (const until = performance.now() + restMs; performance.now() < until; await setTimeout(restSampleMs)) {
    for (const { name, pid } of processesOf(running)) {
      const open = readdirSync(`/proc/${pid}/fd`).length
      fewest.set(name, Math.min(open, fewest.get(name) ?? open))
    }
  }
  return Object.fromEntries(fewest)
}

function trend(what: string, before: number, after: number, slack: number): Trend {
  return { what, before, after, flat: after <= before * 1.1 + slack }
}

function within(what: string, before: number, after: number, limit: number): Trend {
  return { what: `${what}, of ${limit}`, before, after, flat: after <= limit }
}

function trendsOf(samples: Sample[]): Trend[] {
  const quarter = Math.floor(samples.length / 4)
  const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
  const auditOf = (sample: Sample) => sample.streams.AUDIT.mib
  const medians = (what: string, of: (sample: Sample) => number, slack: number) =>
    trend(what, median(early.map(of)), median(late.map(of)), slack)
  return [
    ...Object.keys(samples[0]?.memoryMiB ?? {}).map((name) =>
      medians(`${name} MiB`, ({ memoryMiB }) => memoryMiB[name]!, 5),
    ),
    ...(['CALLS', 'TIMERS', 'LIFECYCLE'] as const).flatMap((name) => [
      medians(`messages in ${name}`, (sample) => sample.streams[name].messages, 100),
      medians(`MiB in ${name}`, (sample) => sample.streams[name].mib, 5),
    ]),
    within('MiB in AUDIT', median(early.map(auditOf)), median(late.map(auditOf)), streams.AUDIT.maxBytes / 2 ** 20),
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
  return `${seconds} s at ${ratePerSecond} calls/s: ${calls} calls, ${failed} failed, p50 ${p50Ms} ms, p99 ${p99Ms} ms\nsecond quarter → last quarter (medians); open files at rest: before → after\n${lines.join('\n')}\n`
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
p50 ${load.p50Ms} ms, p99 ${load.p99Ms} ms. Medians of the second quarter of the run and of its last; of open files those while nobody calls, before and after. AUDIT grows to its budget and forgets its oldest then:

| what | second quarter, or before | last quarter, or after | flat, or within |
| --- | ---: | ---: | --- |
${rows.join('\n')}

![Memory over time](performance/soak.svg)
`,
  )
}
