import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Bus, RegistryView } from '@countersign/bus'
import { WatchedFile } from '@countersign/config'
import {
  type Allowed,
  callFieldsOf,
  digestOf,
  type GrantClaims,
  type JsonObject,
  makeEvent,
  type ServerLimits,
  subjects,
  type ToolDefinition,
} from '@countersign/contracts'
import { createLogger } from '@countersign/telemetry'
import {
  allowedFixture,
  callFixture,
  newGrantSigner,
  register,
  requestedFixture,
  serverEntryFixture,
  startScriptedServer,
  startTestBus,
  until,
} from '@countersign/testing'
import { answerAskers } from '../src/call/ask-holder.ts'
import { OnAllowed } from '../src/call/on-allowed.ts'
import { readGrantKeys } from '../src/call/verify-grant.ts'
import { Dialer } from '../src/upstream/dial.ts'
import { ServerQueues } from '../src/upstream/server-queues.ts'

const soon = () => Date.now() + 10_000

/** An executor on a real bus with a scripted tool server. */
export async function setUp(
  t: TestContext,
  tools: ToolDefinition[],
  limits: Partial<ServerLimits> = {},
  entry = {},
  store: Parameters<typeof startTestBus>[1] = {},
) {
  // Hooks run in the order they are added: executors end their calls while their bus is there.
  const running: (() => Promise<void>)[] = []
  t.after(() => Promise.all(running.map((stop) => stop())).then(() => {}))
  const testBus = await startTestBus(t, store)
  const { connect, dir } = testBus
  const [gateway, policy, lifecycle] = await Promise.all([connect('gateway'), connect('policy'), connect('lifecycle')])
  const upstream = await startScriptedServer(t, tools)
  await register(
    lifecycle,
    serverEntryFixture('scripted', upstream.url, entry, { callTimeoutMs: 1000, maxResultBytes: 100_000, ...limits }),
    tools,
  )
  const signer = newGrantSigner()
  const keysFile = join(dir, 'grant.pub.pem')
  writeFileSync(keysFile, signer.publicPem)
  const startExecutor = async (bus?: Bus, patienceMs = 1000) => {
    const own = bus ?? (await connect('agent-executor'))
    const log = createLogger('test', process.env.TEST_LOG ?? 'fatal')
    const registry = new RegistryView()
    const dialer = new Dialer()
    const keys = new WatchedFile(keysFile, readGrantKeys)
    const executor = crypto.randomUUID()
    const onAllowed = new OnAllowed(
      { bus: own, log, registry, dialer, keys, executor, onEnded: () => {} },
      { unnoticedMs: patienceMs, awayMs: patienceMs, startingMs: patienceMs },
    )
    const queues = new ServerQueues(own, log, (delivery) => onAllowed.handle(delivery), 1000)
    const listening = own.listen(subjects.midcall('*', '*', 'up'), (subject) =>
      onAllowed.withdraw(subject.split('.')[2]!),
    )
    const answering = answerAskers(own, executor, (callId) => onAllowed.holds(callId))
    await registry.start(own, (name, changed) => {
      dialer.apply(name, changed)
      queues.apply(name, changed)
    })
    const stop = async () => {
      registry.stop()
      upstream.release()
      onAllowed.stop()
      await queues.stop()
      listening.stop()
      answering.stop()
      await dialer.close()
    }
    running.push(stop)
    return { stop, executor }
  }
  /** Writes a call's history up to `allowed`, as gateway and policy would. */
  const allow = async (
    tool: string,
    args: JsonObject = {},
    claims: Partial<GrantClaims> = {},
    edit: (allowed: Allowed) => Allowed = (a) => a,
    by = signer,
  ) => {
    const call = callFixture({ server: 'scripted', tool, digest: digestOf(args) })
    const requested = makeEvent('requested', requestedFixture(call, args), { now: new Date() })
    const { seq } = await gateway.publishEvent(call, 'requested', requested, 0, soon())
    const definition = tools.find(({ name }) => name === tool)!
    const definitionDigest = digestOf(definition as unknown as JsonObject)
    const allowed = edit(
      allowedFixture(by, call, args, {
        definitionDigest,
        idempotent: definition.annotations?.readOnlyHint ?? false,
        ...claims,
      }),
    )
    const stored = await policy.publishEvent(
      call,
      'allowed',
      makeEvent('allowed', allowed, { now: new Date() }),
      seq,
      soon(),
    )
    return { call, seq: stored.seq }
  }
  /** An executor that claims and then is gone: its claims are written by hand, its deliveries are never acknowledged. */
  const claimAndDie = (...calls: Awaited<ReturnType<typeof allow>>[]) => claimAs('dead', ...calls)
  /** The same, in the name of one that may live. */
  const claimAs = async (executor: string, ...calls: Awaited<ReturnType<typeof allow>>[]) => {
    const dead = await connect('agent-executor')
    const consumer = { stream: 'CALLS', name: 'executor-scripted', filter: subjects.callEvents('allowed', 'scripted') }
    await dead.ensureConsumer(consumer, { maxAckPending: 10, ackWaitMs: 500 })
    const delivered: string[] = []
    dead.consume({
      ...consumer,
      consumer: consumer.name,
      maxInFlight: 10,
      ackWaitMs: 60_000,
      onProblem: () => {},
      handler: async ({ subject }) => (delivered.push(subject), new Promise(() => {})),
    })
    await until(() => delivered.length >= calls.length, 'the dead executor got them')
    for (const { call, seq } of calls) {
      const data = { ...callFieldsOf(call), executor, attempt: 1, definitionDigest: `sha256:${'0'.repeat(64)}` }
      await dead.publishEvent(call, 'dispatched', makeEvent('dispatched', data, { now: new Date() }), seq, soon())
    }
    await dead.close()
  }
  const ended = (call: { tenant: string; server: string; callId: string }) =>
    until(async () => {
      const history = await policy.history(call)
      return history.final && { history, final: history.final, names: history.entries.map(({ name }) => name) }
    }, 'the call ends')
  return {
    ...testBus,
    gateway,
    policy,
    lifecycle,
    upstream,
    startExecutor,
    allow,
    claimAndDie,
    claimAs,
    ended,
    signer,
    keysFile,
  }
}
