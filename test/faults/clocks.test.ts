import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { RegistryView } from '@countersign/bus'
import { type CallEventName, recordKind, subjects, verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { startCluster } from './harness/cluster.ts'
import { Random } from './harness/random.ts'
import { serverText, tools } from './harness/tools.ts'
import type { CallPlan } from './load/drive.ts'
import { planCalls } from './load/plan-calls.ts'
import { startFlow } from './load/start-flow.ts'

const jumpMs = 600_000

/** Events whose time is that of the service. */
const eventsOf: Record<string, CallEventName[]> = {
  gateway: ['requested'],
  policy: ['allowed', 'denied', 'held'],
  'agent-executor': ['dispatched', 'succeeded', 'failed'],
}

/** Calls of every kind but those that end only when a hold is over: holds here last longer than the clocks jump. */
function* withoutExpiry(): Generator<CallPlan, void> {
  for (const plan of planCalls(new Random(5))) {
    const held = plan.tool.startsWith('held-')
    if (plan.tool === 'brief-read' || (held && plan.sequel === 'cancel')) continue
    yield plan
  }
}

/** What is asked about later has a key: a clock that is ahead has calls without one purged as soon as they have ended. */
function* keyedWhereHeld(): Generator<CallPlan, void> {
  for (const plan of planCalls(new Random(6))) {
    const held = tools[plan.tool].policy.startsWith('hold')
    yield held ? { ...plan, key: `held-${plan.n}` } : plan
  }
}

test(
  'I1, I2, I3, I4, I5, I6, I8: the clock of one service at a time jumps ten minutes ahead and back, and nothing expires too early',
  { timeout: 400_000 },
  async (t) => {
    const startedAt = Date.now()
    const cluster = await startCluster(t, { ackWaitMs: 3000, heldFor: '20m' })
    const { load, flows } = await startFlow(t, cluster, withoutExpiry())
    for (const service of Object.keys(eventsOf)) {
      for (const clockMs of [jumpMs, -jumpMs]) {
        // One of two, so that they disagree as well.
        const [replica] = cluster.of(service)
        replica!.clock(clockMs)
        await flows(`while ${replica!.name} is ${clockMs} ms wrong`)
        replica!.clock(0)
      }
    }
    const told = cluster.told.length
    const succeeded = () =>
      cluster.told.slice(told).some(({ answer }) => answer.kind === 'result' && answer.status === 'succeeded')
    await until(succeeded, 'calls succeed when all clocks are right again', 60_000)
    await load.stop()
    const evidence = await cluster.settled()
    assert.deepEqual(checkRun(evidence), [])
    for (const [service, names] of Object.entries(eventsOf)) {
      const events = [...evidence.calls.values()].flatMap(({ entries }) => entries)
      const instants = events.flatMap(({ name, event }) => (names.includes(name) ? Date.parse(event.time) : []))
      assert.ok(Math.min(...instants) < startedAt - jumpMs / 2, `${service} wrote with a clock that was behind`)
      assert.ok(Math.max(...instants) > Date.now() + jumpMs / 2, `${service} wrote with a clock that was ahead`)
    }

    // Ten minutes do not explain the end of a hold of twenty. An approval that was given at a clock ten minutes behind is another matter:
    // it is over, and refused.
    const held = [...evidence.calls.values()].filter((history) => history.find('held'))
    const reasons = held.flatMap((history) => history.find('denied')?.data.reason.message ?? [])
    assert.ok(held.length > 0)
    assert.deepEqual(
      reasons.filter((reason) => reason.startsWith('nobody decided in time')),
      [],
    )
    t.diagnostic(`${load.answered} calls answered, ${held.length} of them held`)
  },
)

test(
  'I2, I5, I8: the clocks of audit and lifecycle jump ten minutes ahead and back, calls go on and nothing is purged unsealed',
  { timeout: 400_000 },
  async (t) => {
    // Ahead, everything that has ended is over its time; behind, nothing is.
    const cluster = await startCluster(t, { ackWaitMs: 3000, auditGraceMs: jumpMs / 2 })
    const { load, flows } = await startFlow(t, cluster, keyedWhereHeld())
    const isWrongBy = (clockMs: number, instant: string | null | undefined) =>
      Math.abs(Date.parse(instant ?? '') - (Date.now() + clockMs)) < jumpMs / 2

    const [audit] = cluster.of('audit')
    const console = await cluster.bus('console')
    const auditor = await cluster.bus('auditor')
    const succeeded = async () =>
      Object.keys((await auditor.streamInfo('CALLS', subjects.callEvents('succeeded'))).subjects)
    for (const clockMs of [jumpMs, -jumpMs]) {
      const before = await succeeded()
      audit!.clock(clockMs)
      await flows(`while audit is ${clockMs} ms wrong`)
      await until(
        async () => isWrongBy(clockMs, (await console.callApi(verbs.audit.status, { tenant: 'default' })).sealedAt),
        `audit seals with a clock that is ${clockMs} ms wrong`,
      )
      if (clockMs > 0) {
        const gone = async () => {
          const now = new Set(await succeeded())
          return before.some((subject) => !now.has(subject))
        }
        await until(gone, 'what has just ended is purged by a clock that is ahead')
      }
      audit!.clock(0)
    }

    const [lifecycle] = cluster.of('lifecycle')
    const registry = new RegistryView()
    await registry.start(await cluster.bus('gateway'))
    const servers = Object.entries({ 'found-ahead': jumpMs, 'found-behind': -jumpMs })
    for (const [server, clockMs] of servers) {
      lifecycle!.clock(clockMs)
      await flows(`while lifecycle is ${clockMs} ms wrong`)
      await writeFile(join(cluster.state.layout.servers, `${server}.yaml`), serverText(server, cluster.toolServerUrl))
      const verified = () =>
        registry
          .server('default', server)
          ?.conditions.some(({ type, status }) => type === 'Verified' && status === 'True')
      await until(verified, `lifecycle takes up ${server}`, 60_000)
      lifecycle!.clock(0)
    }
    registry.stop()
    await flows('when all clocks are right again')
    await load.stop()
    const evidence = await cluster.settled()
    assert.deepEqual(checkRun(evidence), [])
    for (const [server, clockMs] of servers) {
      const told = evidence.log.find(({ record }) => recordKind(record) === 'activity' && record.server === server)
      const time = told?.record.version === 3 ? told.record.time : undefined
      assert.ok(isWrongBy(clockMs, time), `lifecycle told of ${server} with a wrong clock, at ${time}`)
    }
    t.diagnostic(`${load.answered} calls answered`)
  },
)
