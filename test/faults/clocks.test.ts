import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallEventName } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { startCluster } from './harness/cluster.ts'
import { Random } from './harness/random.ts'
import type { CallPlan } from './load/drive.ts'
import { planCalls } from './load/plan-calls.ts'
import { startLoad } from './load/start-load.ts'

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

test(
  'I1, I2, I3, I4, I5, I6, I8: the clock of one service at a time jumps ten minutes ahead and back, and nothing expires too early',
  { timeout: 400_000 },
  async (t) => {
    const startedAt = Date.now()
    const cluster = await startCluster(t, { ackWaitMs: 3000, heldFor: '20m' })
    const load = startLoad(cluster, withoutExpiry(), 12)
    t.after(() => void load.stop())
    const flows = async (when: string) => {
      const before = load.answered
      await until(() => load.answered > before + 30, `calls are answered ${when}`, 120_000)
    }
    await flows('at first')
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
