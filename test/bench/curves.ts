import { consumers, makeEvent, verbs } from '@countersign/contracts'
import { callFixture, until } from '@countersign/testing'
import type { LoadJob, LoadOutcome } from './load.ts'
import { residentMiB } from './resident.ts'
import { startWorld, type World } from './world.ts'

/** One point of a curve. */
export interface Point {
  x: number
  p50Ms: number
  p99Ms: number
  callsPerSecond: number
  failed: number
  memoryMiB: Record<string, number>
}

/** How cost grows with one thing. */
export interface Curve {
  name: string
  /** What grows, for the axis. */
  x: string
  /** What is measured at each point. */
  measured: string
  /** When, ISO 8601, and for how long each time. */
  measuredAt: string
  seconds: number
  points: Point[]
}

interface CurveSpec extends Pick<Curve, 'name' | 'x' | 'measured'> {
  at: readonly number[]
  /** Brings the world to `x`, unless it is there, and measures; called in the order of `at`, on one world. */
  measure(world: World, x: number, job: Pick<LoadJob, 'seconds' | 'warmupSeconds'>): Promise<LoadOutcome>
}

const one = { ratePerSecond: 0, concurrency: 1 }
const maxTools = 5000
/** The machine is shared: of so many runs at each point the one in the middle counts. */
export const runsAPoint = 3
const echo = { tools: ['echo-2'] }
const oneAtATime = 'latency of one caller, calling again when it is answered'

/** Makes the world's first server known, once. */
async function firstServer(world: World, tools = 10): Promise<string> {
  let url = upstreams.get(world)
  if (url === undefined) {
    url = await world.startUpstream(tools)
    upstreams.set(world, url)
    await world.addServer('bench', url, tools)
  }
  return url
}
const upstreams = new WeakMap<World, string>()

/** What the issue of scale asks about, smallest first. */
export const curveSpecs: readonly CurveSpec[] = [
  {
    name: 'concurrency',
    x: 'callers at once',
    measured: 'latency and calls a second of so many callers, each calling again when it is answered',
    at: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    async measure(world, concurrency, job) {
      await firstServer(world)
      return world.load({ ...job, ...echo, ...world.governed('bench'), ratePerSecond: 0, concurrency })
    },
  },
  {
    name: 'tools',
    x: 'tools in the catalogue',
    measured: `${oneAtATime}; each server has ${maxTools} at most`,
    at: [10, 100, 1000, 5000, 10_000, 50_000],
    async measure(world, tools, job) {
      // A server that gets more tools waits for a person to accept them, so what is more comes with servers of its own.
      let present = toolsIn.get(world) ?? 0
      for (let more = 0; present < tools; present += more) {
        more = Math.min(tools - present, maxTools)
        await world.addServer(`bench-${present}`, await world.startUpstream(more), more)
      }
      toolsIn.set(world, tools)
      await untilIndexed(world)
      return world.load({ ...job, ...echo, ...world.governed('bench-0'), ...one })
    },
  },
  {
    name: 'servers',
    x: 'tool servers',
    measured: oneAtATime,
    at: [1, 10, 100, 1000],
    async measure(world, servers, job) {
      const url = await firstServer(world)
      for (let index = serversOf.get(world) ?? 1; index < servers - 1; index++)
        world.declareServer(`bench-${index}`, url)
      if (servers > 1) await world.addServer(`bench-${servers - 1}`, url, 10)
      serversOf.set(world, servers)
      await untilIndexed(world)
      return world.load({ ...job, ...echo, ...world.governed('bench'), ...one })
    },
  },
  {
    name: 'held',
    x: 'held calls',
    measured: oneAtATime,
    at: [0, 1000, 10_000, 100_000],
    async measure(world, held, job) {
      await firstServer(world)
      const more = held - (heldIn.get(world) ?? 0)
      heldIn.set(world, held)
      if (more > 0) await holdCalls(world, more)
      await untilIndexed(world)
      return world.load({ ...job, ...echo, ...world.governed('bench'), ...one })
    },
  },
  {
    name: 'arguments',
    x: 'bytes of arguments',
    measured: `${oneAtATime}; the answer is short`,
    at: [100, 1000, 10_000, 100_000, 300_000, 1_000_000, 10_000_000],
    async measure(world, argumentLength, job) {
      await firstServer(world)
      return world.load({
        ...job,
        ...world.governed('bench'),
        tools: ['length'],
        answer: 'length',
        argumentLength,
        ...one,
      })
    },
  },
  {
    name: 'kept',
    x: 'ended calls kept in the stream',
    measured: oneAtATime,
    at: [0, 10_000, 100_000, 1_000_000],
    async measure(world, kept, job) {
      await firstServer(world)
      await keepCalls(world, kept - (heldIn.get(world) ?? 0))
      heldIn.set(world, kept)
      await untilIndexed(world)
      return world.load({ ...job, ...echo, ...world.governed('bench'), ...one })
    },
  },
  {
    name: 'replicas',
    x: 'replicas of gateway, policy and agent-executor each',
    measured: 'latency and calls a second of 64 callers, each calling again when it is answered; on one machine',
    at: [1, 2, 3, 4],
    async measure(world, replicas, job) {
      await firstServer(world)
      const gateways = gatewaysOf.get(world) ?? []
      gatewaysOf.set(world, gateways)
      while (gateways.length < replicas - 1) {
        await world.running.addReplica('policy')
        await world.running.addReplica('agent-executor')
        gateways.push(await world.running.addReplica('gateway'))
      }
      const governed = world.governed('bench')
      const moreUrls = gateways.map((gateway) => `${gateway}${new URL(governed.url).pathname}`)
      for (const url of moreUrls) await world.untilListed({ ...governed, url }, 10)
      return world.load({ ...job, ...echo, ...governed, moreUrls, ratePerSecond: 0, concurrency: 64 })
    },
  },
]
const toolsIn = new WeakMap<World, number>()
const gatewaysOf = new WeakMap<World, string[]>()
const serversOf = new WeakMap<World, number>()
const heldIn = new WeakMap<World, number>()

/** Measures one curve, on a Countersign of its own. */
export async function measureCurve(
  { at, measure, ...about }: CurveSpec,
  { seconds, largest }: { seconds: number; largest: number },
  say: (line: string) => void,
): Promise<Curve> {
  const world = await startWorld(say, { COUNTERSIGN_MAX_BODY_BYTES: '16000000' })
  const points: Point[] = []
  try {
    // Code that has just been started is slow: what is measured first would be that.
    await measure(world, at[0]!, { seconds, warmupSeconds: 2 })
    for (const x of at.filter((value) => value <= largest)) {
      const runs: LoadOutcome[] = []
      while (runs.length < runsAPoint) runs.push(await measure(world, x, { seconds, warmupSeconds: 2 }))
      const bad = runs.find(({ failed }) => failed > 0)
      if (bad) throw new Error(`${about.name} ${x}: ${bad.failed} failed: ${bad.firstFailure}`)
      const outcome = runs.toSorted((one, other) => one.p50Ms - other.p50Ms)[Math.floor(runsAPoint / 2)]!
      const { p50Ms, p99Ms, callsPerSecond, failed } = outcome
      points.push({ x, p50Ms, p99Ms, callsPerSecond, failed, memoryMiB: residentMiB(world.running) })
      say(`${about.name} ${x}: p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${callsPerSecond}/s`)
    }
  } finally {
    await world.stop()
  }
  return { ...about, measuredAt: new Date().toISOString(), seconds, points }
}

/** Asks for so many calls that wait for a person. */
async function holdCalls(world: World, count: number): Promise<void> {
  const { failed, firstFailure } = await world.load({
    ...world.governed('bench'),
    tools: ['write'],
    answer: 'pending',
    ratePerSecond: 0,
    concurrency: Math.min(64, count),
    seconds: 3600,
    warmupSeconds: 0,
    maxCalls: count,
  })
  if (failed > 0) throw new Error(`${failed} calls were not held: ${firstFailure}`)
}

/** Stores the last event of so many calls, as the stream keeps it of calls that have ended. */
async function keepCalls(world: World, count: number): Promise<void> {
  const bus = await world.connect('agent-executor')
  let left = count
  const publisher = async () => {
    while (left-- > 0) {
      const call = callFixture({ server: 'bench' })
      const data = { ...call, result: { inline: {} }, resultDigest: call.digest, toolError: false, durationMs: 1 }
      const event = makeEvent('succeeded', data, { now: new Date() })
      await bus.publishEvent(call, 'succeeded', event, 0, Date.now() + 60_000)
    }
  }
  await Promise.all(Array.from({ length: 256 }, publisher))
}

/** Waits until everything is sealed and indexed: what audit still has to do would be measured too. */
async function untilIndexed(world: World): Promise<void> {
  const audit = await world.connect('audit')
  const console = await world.connect('console')
  await until(
    async () => {
      for (const { stream, name } of [consumers.audit, consumers.auditActivity])
        if ((await audit.consumerLag(stream, name)) > 0) return false
      const { size, indexed } = await console.callApi(verbs.audit.index, { tenant: 'default' })
      return indexed === size
    },
    'everything is sealed and indexed',
    1_800_000,
  )
}
