import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import type { Told } from './check/evidence.ts'
import { noWrongClock } from './harness/clock-program.ts'
import { startCluster } from './harness/cluster.ts'
import { Random } from './harness/random.ts'
import { planCalls } from './load/plan-calls.ts'
import { startFlow } from './load/start-flow.ts'
import { remains } from './load/under-load.ts'

const jumpMs = 600_000
/** Policy looks at holds every minute, and at each ten seconds after it is over; twenty more are for machines that are busy. */
const sweptMs = 90_000

test(
  'I2, I5, I6, I8: the clock of nats-server jumps ten minutes ahead and back: calls go on, and holds end all the same',
  { skip: noWrongClock(), timeout: 900_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, heldFor: '20m', settableClock: true })
    const { load, flows } = await startFlow(t, cluster, planCalls(new Random(8)))
    const [nats] = cluster.nats.nodes
    for (const clockMs of [jumpMs, -jumpMs]) {
      await nats!.clock(clockMs)
      await flows(`while nats-server is ${clockMs} ms wrong`)
      const since = Math.max(...cluster.told.map(({ n }) => n))
      const expired = ({ n, answer }: Told) => n > since && answer.kind === 'result' && answer.code === 'expired'
      await until(() => cluster.told.some(expired), `a hold is over while nats-server is ${clockMs} ms wrong`, 120_000)
      await nats!.clock(0)
      await flows('when its clock is right again')
    }
    await load.stop()
    // As ten minutes later: what the server handed out before its clock was set back, and was not acknowledged, it hands out again only when
    // that clock is where it was.
    await nats!.clock(jumpMs)
    const evidence = await cluster.settled()
    const violations = checkRun({ ...evidence, storeClockWrong: true })
    assert.deepEqual(violations, [], await remains(cluster, violations))
    const instants = evidence.stored.map(({ storedAt }) => Date.parse(storedAt))
    assert.ok(Math.min(...instants) < Date.now() - jumpMs / 2, 'events were stored with a clock that was behind')
    assert.ok(Math.max(...instants) > Date.now() + jumpMs / 2, 'events were stored with a clock that was ahead')

    // An alarm is as wrong as the server's clock; then the sweep of policy ends the hold.
    const lateMs = [...evidence.calls.values()].flatMap((history) => {
      const [held, denied] = [history.find('held'), history.find('denied')]
      if (!held || denied?.data.reason.code !== 'expired') return []
      return Date.parse(denied.time) - Date.parse(held.data.approval.expiresAt)
    })
    assert.ok(Math.min(...lateMs) >= 0, 'no hold ends too early')
    assert.ok(Math.max(...lateMs) < sweptMs, `late by ${Math.max(...lateMs)} ms`)
    t.diagnostic(
      `${load.answered} calls answered; ${lateMs.length} holds were over, at most ${Math.max(...lateMs)} ms late`,
    )
  },
)
