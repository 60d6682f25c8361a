import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { LoadJob, LoadOutcome } from './load.ts'
import { startWorld, type World } from './world.ts'
import { writeSection } from './write-section.ts'

/** The p99 of calls that should not notice, without and with what they should not notice; several rounds, alternating. */
export interface Isolation {
  what: string
  withoutP99Ms: number[]
  withP99Ms: number[]
  /** Median of the second over that of the first, in percent more. */
  movedPercent: number
}

const rounds = 3
const servers = 100
/** Calls a second of those who should not notice: well below what this can do. */
const calm = 50
const warmupSeconds = 8

/** Measures how little a hanging server, a failing one, and a greedy tenant move the calls of others. */
export async function measureIsolation(seconds: number, say: (line: string) => void): Promise<Isolation[]> {
  return [
    await measure('one of 100 servers hangs and one fails fast', seconds, say, badServers),
    await measure('another tenant asks for ten times its share', seconds, say, greedyTenant),
  ]
}

/** What the calm calls are, and what goes on beside them. */
interface Scene {
  settings: Record<string, string>
  prepare(world: World): Promise<{ calm: Pick<LoadJob, 'url' | 'headers' | 'tools'>; beside: Beside; trouble: Beside }>
}
/** Starts load; resolves when it has ended. */
type Beside = (seconds: number) => Promise<unknown>

const badServers: Scene = {
  settings: {},
  async prepare(world) {
    const [prompt, hanging, failing] = [
      await world.startUpstream(3),
      await world.startUpstream(3, 'hanging'),
      await world.startUpstream(3, 'failing'),
    ]
    for (let index = 1; index < servers - 2; index++) world.declareServer(`bench-${index}`, prompt)
    await world.addServer('bench-hanging', hanging, 3)
    await world.addServer('bench-failing', failing, 3)
    await world.addServer(`bench-${servers - 2}`, prompt, 3)
    const good = Array.from({ length: servers - 2 }, (_, index) => `bench-${index + 1}_echo-2`)
    const calling = (server: string, duration: number) =>
      world.load({
        ...world.governed(server),
        tools: ['echo-2'],
        ratePerSecond: 10,
        concurrency: 32,
        seconds: duration,
        warmupSeconds: 0,
        callTimeoutMs: 1000,
      })
    const both = (one: string, other: string) => (duration: number) =>
      Promise.all([calling(one, duration), calling(other, duration)])
    return {
      calm: { ...world.governed(''), tools: good },
      // As many calls to two that are well: what is looked for is what the bad ones do, not what more calls do.
      beside: both('bench-1', 'bench-2'),
      trouble: both('bench-hanging', 'bench-failing'),
    }
  },
}

const greedyTenant: Scene = {
  settings: { COUNTERSIGN_TENANT_CALLS_PER_SECOND: String(calm) },
  async prepare(world) {
    const url = await world.startUpstream(3)
    await world.addServer('bench', url, 3)
    const token = addPerson(world, 'greedy', 'other')
    world.declareServer('bench-other', url, 'other')
    const other = { url: world.governed('bench-other').url, headers: { authorization: `Bearer ${token}` } }
    await world.untilListed(other, 3)
    const asks = (ratePerSecond: number) => (duration: number) =>
      world.load({ ...other, tools: ['echo-2'], ratePerSecond, concurrency: 1000, seconds: duration, warmupSeconds: 0 })
    return {
      calm: { ...world.governed('bench'), tools: ['echo-2'] },
      // A tenth below the share, so that the calm ones are compared with calls that are all taken.
      beside: asks(calm * 0.9),
      trouble: asks(calm * 10),
    }
  },
}

async function measure(
  what: string,
  seconds: number,
  say: (line: string) => void,
  { settings, prepare }: Scene,
): Promise<Isolation> {
  const world = await startWorld(say, settings)
  try {
    const scene = await prepare(world)
    const calmly = async (beside: Beside) => {
      const [outcome] = await Promise.all([
        world.load({ ...scene.calm, ratePerSecond: calm * 0.9, concurrency: 32, seconds, warmupSeconds: 2 }),
        beside(seconds + 2),
      ])
      return checked(outcome).p99Ms
    }
    // Code is compiled and every server is connected to before anything is compared.
    await world.load({ ...scene.calm, ratePerSecond: 0, concurrency: 32, seconds: warmupSeconds, warmupSeconds: 0 })
    await calmly(scene.beside)
    const [withoutP99Ms, withP99Ms]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      withoutP99Ms.push(await calmly(scene.beside))
      withP99Ms.push(await calmly(scene.trouble))
    }
    const movedPercent = Math.round(100 * (median(withP99Ms) / median(withoutP99Ms) - 1))
    say(`${what}: p99 ${median(withoutP99Ms)} → ${median(withP99Ms)} ms (${movedPercent} %)`)
    return { what, withoutP99Ms, withP99Ms, movedPercent }
  } finally {
    await world.stop()
  }
}

function checked(outcome: LoadOutcome): LoadOutcome {
  if (outcome.failed > 0) throw new Error(`${outcome.failed} calm calls failed: ${outcome.firstFailure}`)
  return outcome
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** Adds an agent to the users file; resolves to its token. */
function addPerson(world: World, id: string, tenant: string): string {
  const path = world.running.state.layout.users
  const token = randomBytes(32).toString('base64url')
  const { users } = JSON.parse(readFileSync(path, 'utf8')) as { users: object[] }
  const tokenSha256 = createHash('sha256').update(token).digest('hex')
  writeFileSync(path, JSON.stringify({ users: [...users, { id, tenant, groups: ['agents'], tokenSha256 }] }))
  return token
}

/** Writes what was measured into `docs/performance.md`. */
export async function writeIsolation(measured: readonly Isolation[]): Promise<void> {
  const rows = measured.map(
    ({ what, withoutP99Ms, withP99Ms, movedPercent }) =>
      `| ${what} | ${withoutP99Ms.join(', ')} | ${withP99Ms.join(', ')} | ${movedPercent} % |`,
  )
  await writeSection(
    'isolation',
    '`npm run bench -- --isolation --report`',
    `p99 of calm calls (${calm * 0.9} a second), in ms, ${rounds} rounds in turn; moved is the difference of the medians.

| beside them | without | with | moved |
| --- | --- | --- | ---: |
${rows.join('\n')}
`,
  )
}
