import { cpus, totalmem } from 'node:os'
import type { LoadOutcome } from './load.ts'
import { processorMs } from './processor-time.ts'
import { measurePublish, type StoreAlone } from './publish.ts'
import { residentMiB } from './resident.ts'
import { measureStart, type StartTimes } from './start.ts'
import { startWorld } from './world.ts'
import { writeSection } from './write-section.ts'

/** What the marks are about: latency at one call at a time, calls a second at 64 callers and half of it, memory, a large catalogue. */
export interface Headline {
  at: string
  machine: { cpus: number; model: string | undefined; memoryGiB: number; node: string }
  seconds: number
  publish: StoreAlone
  results: Record<string, LoadOutcome>
  /** Stored in `CALLS` for each call at 64 callers. */
  eventsPerCall: number
  memoryMiB: Record<string, number>
  /** Processor time of each process for a call at 64 callers, in milliseconds. */
  processorMsPerCall: Record<string, number>
  /** Not measured when only some calls were asked for. */
  start: StartTimes | undefined
}

/** Measures governed calls beside the same calls sent directly to the same tool server, in one run. */
export async function measureHeadline(
  { seconds, rate, only }: { seconds: number; rate: number | undefined; only: string | undefined },
  say: (line: string) => void,
): Promise<Headline> {
  const start = only === undefined ? await measureStart() : undefined
  const publish = await measurePublish()
  const world = await startWorld(say)
  try {
    const [few, many] = [await world.startUpstream(10), await world.startUpstream(2000)]
    await world.addServer('bench', few, 10)
    const base = { tools: ['echo-2', 'echo-3', 'echo-4'], seconds, warmupSeconds: 5 }
    const direct = { ...base, url: few, headers: {} }
    const governed = { ...base, ...world.governed('bench') }
    const one = { ratePerSecond: 50, concurrency: 1 }
    const many64 = { ratePerSecond: 0, concurrency: 64 }
    const results: Record<string, LoadOutcome> = {}
    const skipped: string[] = []
    const measure = async (name: string, job: Parameters<typeof world.load>[0]) => {
      if (only && !name.includes(only)) return void skipped.push(name)
      say(`${name} …`)
      results[name] = await world.load(job)
    }
    // First, so that code is compiled and connections are open before single calls are looked at.
    await measure('direct, 64 callers', { ...direct, ...many64 })
    await measure('governed, 64 callers', { ...governed, ...many64 })
    const memoryMiB = residentMiB(world.running)
    const most = results['governed, 64 callers']?.callsPerSecond
    // By itself and without a warm-up, so that all calls that cost something are counted.
    const [before, bus] = [processorMs(world.running), await world.connect('audit')]
    const { lastSeq: eventsBefore } = await bus.streamInfo('CALLS')
    await measure('governed, 64 callers, again', { ...governed, ...many64, warmupSeconds: 0 })
    const [after, { lastSeq: eventsAfter }] = [processorMs(world.running), await bus.streamInfo('CALLS')]
    const counted = results['governed, 64 callers, again']?.calls ?? Number.NaN
    const eventsPerCall = round((eventsAfter - eventsBefore) / counted)
    const processorMsPerCall = Object.fromEntries(
      Object.entries(after).map(([name, ms]) => [name, round((ms - before[name]!) / counted)]),
    )
    const ratePerSecond = rate ?? (most && Math.round(most / 2))
    if (ratePerSecond) {
      await measure('direct, half of that rate', { ...direct, ratePerSecond, concurrency: 64 })
      await measure('governed, half of that rate', { ...governed, ratePerSecond, concurrency: 64 })
    }
    await measure('direct, one at a time', { ...direct, ...one })
    await measure('governed, one at a time', { ...governed, ...one })
    await world.addServer('bench-many', many, 2000)
    await measure('governed, one at a time, 2000 tools', { ...base, ...world.governed('bench-many'), ...one })
    await measure('governed, one at a time, 10 tools again', { ...governed, ...one })
    if (Object.keys(results).length === 0) {
      throw new Error(`no measurement has "${only}" in its name: ${skipped.join('; ')}`)
    }
    const machine = {
      cpus: cpus().length,
      model: cpus()[0]?.model,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    }
    const about = { at: new Date().toISOString(), machine, seconds, publish }
    return { ...about, results, eventsPerCall, memoryMiB, processorMsPerCall, start }
  } finally {
    await world.stop()
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** The headline as a table for people. */
export function headlineTable(headline: Headline): string {
  const { results } = headline
  const columns = ['calls', 'failed', 'callsPerSecond', 'p50Ms', 'p90Ms', 'p99Ms', 'maxMs'] as const
  const rows = Object.entries(results).map(([name, outcome]) => [
    name,
    ...columns.map((column) => String(outcome[column])),
  ])
  const all = [['', 'calls', 'failed', 'calls/s', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'], ...rows]
  const widths = all[0]!.map((_, index) => Math.max(...all.map((row) => row[index]!.length)))
  const lines = all.map((row) =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[index]!))).join('  '),
  )
  return [...lines, '', ...summary(headline), ''].join('\n')
}

/** What follows from the measurements, one line each. */
function summary({ results, eventsPerCall, memoryMiB, processorMsPerCall, publish, start }: Headline): string[] {
  const most = results['governed, 64 callers']?.callsPerSecond
  const share = (perSecond: number) => most && `${Math.round((100 * most * eventsPerCall) / perSecond)} %`
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  return [
    ...(start
      ? [
          `from npm start to the answer of the first governed call: ${seconds(start.freshMs)} s with fresh state, ${seconds(start.againMs)} s going on with it`,
        ]
      : []),
    ...added(results, 'one at a time'),
    ...added(results, 'half of that rate'),
    `resident MiB at 64 callers: ${listed(memoryMiB)}`,
    `processor ms a call at 64 callers: ${listed(processorMsPerCall)}`,
    `the store alone, events a second: ${publish.singlyPerSecond} singly, ${publish.perSecondAt64} in batches; one takes p50 ${publish.oneP50Ms} ms`,
    ...(most
      ? [
          `a call is ${eventsPerCall} events: ${most} calls/s are ${share(publish.singlyPerSecond)} of that singly, ${share(publish.perSecondAt64)} in batches`,
        ]
      : []),
    ...Object.entries(results).flatMap(([name, { firstFailure }]) =>
      firstFailure ? [`first failure of ${name}: ${firstFailure}`] : [],
    ),
  ]
}

function listed(values: Record<string, number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

function added(results: Record<string, LoadOutcome>, how: string): string[] {
  const [governed, direct] = [results[`governed, ${how}`], results[`direct, ${how}`]]
  if (!governed || !direct) return []
  const more = (key: 'p50Ms' | 'p99Ms') => (governed[key] - direct[key]).toFixed(2)
  return [`added, ${how}: p50 ${more('p50Ms')} ms, p99 ${more('p99Ms')} ms`]
}

/** Writes the outcome into `docs/performance.md`. */
export async function writeHeadline(headline: Headline): Promise<void> {
  const { at, machine, seconds, results } = headline
  const rows = Object.entries(results).map(
    ([name, { p50Ms, p90Ms, p99Ms, callsPerSecond, failed }]) =>
      `| ${name} | ${p50Ms} | ${p90Ms} | ${p99Ms} | ${Math.round(callsPerSecond).toLocaleString('en')} | ${failed} |`,
  )
  await writeSection(
    'headline',
    '`npm run bench -- --report --only headline`',
    `${at.slice(0, 10)}, ${machine.cpus} cores (${machine.model}), ${machine.memoryGiB} GiB, Node ${machine.node}; ${seconds} s a measurement.

| | p50 ms | p90 ms | p99 ms | calls/s | failed |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}

${summary(headline)
  .map((line) => `- ${line}`)
  .join('\n')}
`,
  )
}
