/**
 * Countersign against others: the same tool server and the same load through each, one after the other, in one run.
 *
 * File map: contender.ts (what one of them is) · own-contenders.ts, pass-through.ts, vmcp.ts, context-forge.ts (they, set up as
 * docs/performance.md says) · install-once.ts, run-program.ts (what they need) · comparison-table.ts (the outcome for people).
 */
import { cpus, totalmem } from 'node:os'
import type { LoadOutcome } from '../load.ts'
import { type BenchProcesses, benchProcesses } from '../processes.ts'
import { type Contender, type Started, toolCount } from './contender.ts'
import { contextForge } from './context-forge.ts'
import { countersign, direct, passThrough } from './own-contenders.ts'
import { vmcp } from './vmcp.ts'

/** One turn of one contender. */
export interface Turn {
  /** One caller, calling again when it is answered. */
  one: LoadOutcome
  /** 64 callers of that kind. */
  many: LoadOutcome
  /** Resident memory of all its processes, right after the 64 callers. */
  memoryMiB: number
}

export interface Comparison {
  at: string
  machine: { cpus: number; model: string | undefined; memoryGiB: number }
  seconds: number
  entries: { name: string; version: string; turns: Turn[]; problem?: string }[]
}

const contenders = [direct, passThrough, countersign, vmcp, contextForge]
const rounds = 3

/** Measures each contender once a round, alone on the machine; one that cannot be had or fails is told with its reason. */
export async function measureComparison(
  { seconds, only }: { seconds: number; only: string | undefined },
  say: (line: string) => void,
): Promise<Comparison> {
  const entries: { contender: Contender; turns: Turn[]; problem?: string }[] = contenders
    .filter(({ name }) => !only || name.includes(only))
    .map((contender) => ({ contender, turns: [] }))
  const attempt = async (entry: (typeof entries)[number], what: () => Promise<unknown>) => {
    if (entry.problem !== undefined) return
    try {
      await what()
    } catch (error) {
      entry.problem = (error as Error).message
      say(`${entry.contender.name}: ${entry.problem}`)
    }
  }
  for (const entry of entries) await attempt(entry, async () => entry.contender.install?.(say))
  const processes = benchProcesses()
  try {
    // Both eras, so that each can speak the one in which it is fastest.
    const upstream = await processes.startUpstream(toolCount, 'both-eras')
    for (let round = 1; round <= rounds; round++) {
      for (const entry of entries) {
        await attempt(entry, async () => {
          say(`round ${round} of ${rounds}: ${entry.contender.name} …`)
          const started = await entry.contender.start(upstream, processes, say)
          entry.turns.push(await takeTurn(started, processes, seconds).finally(() => started.stop()))
        })
      }
    }
  } finally {
    processes.stop()
  }
  return {
    at: new Date().toISOString(),
    machine: { cpus: cpus().length, model: cpus()[0]?.model, memoryGiB: Math.round(totalmem() / 2 ** 30) },
    seconds,
    entries: entries.map(({ contender: { name, version }, ...rest }) => ({ name, version, ...rest })),
  }
}

async function takeTurn(started: Started, processes: BenchProcesses, seconds: number): Promise<Turn> {
  const { url, headers, tools } = started
  const job = {
    url,
    headers,
    tools,
    sessions: true,
    ratePerSecond: 0,
    seconds,
    warmupSeconds: 5,
    callTimeoutMs: 30_000,
  }
  const one = await processes.load({ ...job, concurrency: 1 })
  const many = await processes.load({ ...job, concurrency: 64 })
  return { one, many, memoryMiB: started.memoryMiB() }
}
