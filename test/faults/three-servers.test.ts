import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bus, connectBus, LostRace } from '@countersign/bus'
import { makeEvent, streams } from '@countersign/contracts'
import { callFixture, requestedFixture, until } from '@countersign/testing'
import type { Answer } from './check/evidence.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import type { NatsNode } from './harness/nats-node.ts'
import { Random } from './harness/random.ts'
import { type ToolName, tools } from './harness/tools.ts'
import { planCalls } from './load/plan-calls.ts'
import { underLoad } from './load/under-load.ts'

/** How often each server is struck; `FAULTS_ROUNDS=5` for a longer run by hand. */
const rounds = Number(process.env.FAULTS_ROUNDS ?? 1)

/** Longer than two attempts to publish, a single one and the batch after it; another server may be elected meanwhile, or not. */
const pausedMs = 4500

/** Who keeps `CALLS` now, the leader first. */
async function keepers(cluster: Cluster): Promise<[leader: NatsNode, ...followers: NatsNode[]]> {
  const bus = await cluster.bus('provisioner')
  return until(
    async () => {
      const { leader, followers } = await bus.streamInfo('CALLS')
      const nodeOf = (name: string | undefined) => cluster.nats.nodes.find((node) => node.name === name)
      const found = [leader, ...followers.map(({ name }) => name)].flatMap((name) => nodeOf(name) ?? [])
      return found.length === 3 && (found as [NatsNode, ...NatsNode[]])
    },
    'CALLS has a leader',
    60_000,
  )
}

/** Resolves when every server has everything. */
async function caughtUp(cluster: Cluster): Promise<void> {
  const bus = await cluster.bus('provisioner')
  await until(
    async () => {
      for (const { name } of Object.values(streams)) {
        const { leader, followers } = await bus.streamInfo(name)
        if (!leader || followers.length < 2 || followers.some(({ current }) => !current)) return false
      }
      return true
    },
    'every server has caught up',
    120_000,
  )
}

/** Several writers begin each of many calls at once, so that their events travel in batches: one wins each. */
async function race(cluster: Cluster): Promise<void> {
  const user = 'gateway'
  const connection = { url: cluster.nats.url, user, password: cluster.state.passwords[user] } as const
  const writers = await Promise.all([1, 2, 3].map(() => connectBus(connection)))
  const calls = Array.from({ length: 200 }, () => callFixture())
  for (const { callId } of calls) cluster.poisoned.add(callId)
  const begin = async (bus: Bus, call: (typeof calls)[number]) => {
    const event = makeEvent('requested', requestedFixture(call), { now: new Date(), distinct: crypto.randomUUID() })
    return bus.publishEvent(call, 'requested', event, 0, Date.now() + 60_000).then(
      () => 'won',
      (error: unknown) => (error instanceof LostRace ? 'lost' : String(error)),
    )
  }
  const outcomes = await Promise.all(writers.map((bus) => Promise.all(calls.map((call) => begin(bus, call)))))
  await Promise.all(writers.map((bus) => bus.close()))
  for (const [index, { callId }] of calls.entries()) {
    const outcome = outcomes.map((of) => String(of[index])).toSorted()
    assert.deepEqual(outcome, ['lost', 'lost', 'won'], callId)
  }
}

/**
 * Begins many calls at once while the server that leads `CALLS` is stopped for longer than an attempt may take: what waited with it may be
 * stored when it goes on, and so may the attempts after it. Every call begins all the same, and begins once.
 */
async function flood(cluster: Cluster): Promise<void> {
  const [leader] = await keepers(cluster)
  const user = 'gateway'
  const bus = await connectBus({ url: cluster.nats.url, user, password: cluster.state.passwords[user] })
  const paused = leader.pause(pausedMs)
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const call = callFixture()
      cluster.poisoned.add(call.callId)
      const event = makeEvent('requested', requestedFixture(call), { now: new Date() })
      const error = await bus.publishEvent(call, 'requested', event, 0, Date.now() + 30_000).then(
        () => undefined,
        (reason: unknown) => String(reason),
      )
      return { call, error }
    }),
  )
  await paused
  const beginnings = await Promise.all(
    outcomes.map(async ({ call }) => (await bus.history(call)).all('requested').length),
  )
  await bus.close()
  assert.deepEqual(
    Map.groupBy(outcomes, ({ error }) => error)
      .keys()
      .toArray(),
    [undefined],
  )
  assert.ok(beginnings.every((count) => count === 1))
}

/** How a server is asked to go: `FAULTS_LAME_DUCK=1` has each hand over and let its clients go first, which takes it some 15 s. */
const farewell = process.env.FAULTS_LAME_DUCK ? 'SIGUSR2' : 'SIGTERM'

/**
 * Calls that failed, with what was said: of those that were not withdrawn, as they were first asked for. What is said of a call that is asked
 * about later is not judged: the gateway waits four seconds for the store to have a leader, and says to ask again then.
 */
function failures({ told }: Cluster): string[] {
  // As `underLoad` plans them.
  const plans = planCalls(new Random(7)).take(Math.max(0, ...told.map(({ n }) => n)))
  const withdrawn = new Set([...plans].flatMap(({ n, sequel }) => (sequel === 'cancel' ? [n] : [])))
  return told
    .filter(({ n, tool, asked, answer }) => asked === 1 && !withdrawn.has(n) && !isInOrder(tool as ToolName, answer))
    .map((one) => JSON.stringify(one))
}

/** Whether a call of this tool is answered so when all is well. */
function isInOrder(tool: ToolName, answer: Answer): boolean {
  const { does, policy } = tools[tool]
  if (answer.kind === 'none') return false
  if (answer.kind === 'error') return policy === 'deny' && answer.code === 'unknown_tool'
  switch (answer.status) {
    case 'succeeded':
      return true
    case 'pending':
      return policy === 'hold' || policy === 'hold-briefly'
    case 'denied':
      return policy === 'hold-briefly' && answer.code === 'expired'
    case 'failed':
      return does === 'rpc-error' || (does === 'die' && answer.code === 'upstream_died')
    case 'unknown':
      return does === 'die' && answer.code === 'outcome_unknown'
    default:
      return false
  }
}

test(
  'I2, I5, I6, I8, I12: three servers are replaced under load, one after another, and no call fails',
  { timeout: 600_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, nodes: 3, heldFor: '15s' })
    const run = await underLoad(t, cluster, 16)
    let leaders = 0
    for (const node of cluster.nats.nodes) {
      if ((await keepers(cluster))[0] === node) leaders += 1
      await node.stop(farewell)
      await node.start()
      await caughtUp(cluster)
      await run.flows(`after ${node.name} was replaced`)
    }
    const answered = await run.end()
    assert.deepEqual(failures(cluster), [])
    const again = cluster.told.filter(
      ({ asked, answer }) => asked > 1 && JSON.stringify(answer).includes('store_unavailable'),
    )
    t.diagnostic(
      `${answered} calls answered while three servers were replaced, ${leaders} of them as leader of CALLS; ${again.length} questions about calls were to be asked again`,
    )
  },
)

test(
  'I1, I2, I3, I5, I6, I8, I12: of three servers one dies, is cut off or loses its disk, and calls go on',
  { timeout: 600_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, nodes: 3, heldFor: '15s' })
    await race(cluster)
    await flood(cluster)
    const run = await underLoad(t, cluster, 16)
    for (let round = 0; round < rounds; round++) {
      const [leader] = await keepers(cluster)
      await leader.stop('SIGKILL')
      await run.flows('while the leader is dead')
      await leader.start()
      await caughtUp(cluster)

      for (const who of ['leader', 'follower'] as const) {
        const cut = (await keepers(cluster))[who === 'leader' ? 0 : 1]!
        cluster.nats.isolate(cut)
        await run.flows(`while the ${who} is cut off`)
        cluster.nats.heal(cut)
        await caughtUp(cluster)
      }

      const [, lost] = await keepers(cluster)
      await lost!.stop('SIGKILL')
      await lost!.loseDisk()
      await lost!.start()
      await caughtUp(cluster)
      await run.flows('after a disk was lost')
    }
    t.diagnostic(`${await run.end()} calls answered`)
  },
)
