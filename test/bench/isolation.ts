import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { LoadJob, LoadOutcome } from './load.ts'
import { processorMs } from './processor-time.ts'
import { startWorld, type World } from './world.ts'
import { writeSection } from './write-section.ts'

/** The p99 of calls that should not notice, without and with what they should not notice; several rounds, in turn. */
export interface Isolation {
  what: string
  withoutP99Ms: number[]
  /** Beside as much work of the load generator that Countersign has nothing to do with, where there is such a thing: what the machine alone does. */
  controlP99Ms: number[]
  withP99Ms: number[]
  /** What the gateway took for each call that it refused, in ms of processor time; undefined where none was refused. */
  refusalMs: number | undefined
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
  prepare(world: World): Promise<{
    calm: Pick<LoadJob, 'url' | 'headers' | 'tools'>
    beside: Beside
    control?: Beside
    trouble: Beside
  }>
}
/** Starts load; resolves when it has ended. */
type Beside = (seconds: number) => Promise<LoadOutcome[]>

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
    const asking = (whom: typeof other, ratePerSecond: number, duration: number) =>
      world.load({ ...whom, tools: ['echo-2'], ratePerSecond, concurrency: 1000, seconds: duration, warmupSeconds: 0 })
    // Just below the share, so that the calm ones are compared with as many calls that are all taken; and not at the rate of the calm ones: of two
    // schedules of one rate the calls meet all the time or never.
    const [taken, greedy] = [calm - 1, calm * 10]
    const refuser = { ...other, url: await world.startUpstream(3, 'failing') }
    return {
      calm: { ...world.governed('bench'), tools: ['echo-2'] },
      beside: async (duration) => [await asking(other, taken, duration)],
      control: (duration) => Promise.all([asking(other, taken, duration), asking(refuser, greedy - taken, duration)]),
      trouble: async (duration) => [await asking(other, greedy, duration)],
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
    const calmly = async (beside: Beside): Promise<Round> => {
      const before = gatewayMsOf(world)
      const [outcome, besides] = await Promise.all([
        world.load({ ...scene.calm, ratePerSecond: calm * 0.9, concurrency: 32, seconds, warmupSeconds: 2 }),
        beside(seconds + 2),
      ])
      const refused = besides.reduce((sum, { failed }) => sum + failed, 0)
      return { p99Ms: checked(outcome).p99Ms, gatewayMs: gatewayMsOf(world) - before, refused }
    }
    // Code is compiled and every server is connected to before anything is compared.
    await world.load({ ...scene.calm, ratePerSecond: 0, concurrency: 32, seconds: warmupSeconds, warmupSeconds: 0 })
    await calmly(scene.beside)
    const [without, control, troubled]: [Round[], Round[], Round[]] = [[], [], []]
    for (let round = 0; round < rounds; round++) {
      without.push(await calmly(scene.beside))
      if (scene.control) control.push(await calmly(scene.control))
      troubled.push(await calmly(scene.trouble))
    }
    const isolation = {
      what,
      withoutP99Ms: p99sOf(without),
      controlP99Ms: p99sOf(control),
      withP99Ms: p99sOf(troubled),
      refusalMs: scene.control && refusalMsOf(without, troubled),
    }
    say(`${what}: p99 ${rowOf(isolation).join(' | ')}`)
    return isolation
  } finally {
    await world.stop()
  }
}

/** What one round of calm calls gave. */
interface Round {
  p99Ms: number
  /** Processor time of the gateway. */
  gatewayMs: number
  /** Calls beside the calm ones that were not answered well. */
  refused: number
}

function p99sOf(measured: readonly Round[]): number[] {
  return measured.map(({ p99Ms }) => p99Ms)
}

/** What the gateway took more with refusals than without, for each of them, and for what more was let in. */
function refusalMsOf(without: readonly Round[], troubled: readonly Round[]): number {
  const more = median(troubled.map(({ gatewayMs }) => gatewayMs)) - median(without.map(({ gatewayMs }) => gatewayMs))
  return Math.round((more / median(troubled.map(({ refused }) => refused))) * 100) / 100
}

function gatewayMsOf({ running }: World): number {
  return processorMs(running).gateway ?? NaN
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

/** The p99 without, beside the control and with the trouble, and by how much the last one is above each of the others. */
function rowOf({ withoutP99Ms, controlP99Ms, withP99Ms }: Isolation): string[] {
  const moved = (from: number[]) =>
    from.length === 0 ? '–' : `${Math.round(100 * (median(withP99Ms) / median(from) - 1))} %`
  const listed = (p99s: number[]) => (p99s.length === 0 ? '–' : p99s.join(', '))
  return [...[withoutP99Ms, controlP99Ms, withP99Ms].map(listed), ...[withoutP99Ms, controlP99Ms].map(moved)]
}

/** Writes what was measured into `docs/performance.md`. */
export async function writeIsolation(measured: readonly Isolation[]): Promise<void> {
  const rows = measured.map((isolation) => `| ${[isolation.what, ...rowOf(isolation)].join(' | ')} |`)
  const refusals = measured.flatMap(({ refusalMs }) =>
    refusalMs === undefined ? [] : [`A call that is refused takes ${refusalMs} ms of the gateway's processor time.`],
  )
  await writeSection(
    'isolation',
    '`npm run bench -- --isolation --report`',
    `p99 of calm calls (${calm * 0.9} a second), in ms, ${rounds} rounds in turn; moved is the difference of the medians. The control is as many requests
as are refused, which a bare HTTP server refuses at once: what the load itself does on this machine.

| beside them | without | control | with | moved | moved from the control |
| --- | --- | --- | --- | ---: | ---: |
${rows.join('\n')}

${refusals.join('\n')}
`,
  )
}
