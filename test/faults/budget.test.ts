import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { startCluster } from './harness/cluster.ts'
import { Random } from './harness/random.ts'
import { planCalls } from './load/plan-calls.ts'
import { startLoad } from './load/start-load.ts'

/** About a hundred calls. */
const callsMaxBytes = 400_000

test(
  'I5, I6, I7, I8: a store without space refuses, loses nothing, and takes calls again once audit has purged',
  { timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, callsMaxBytes, auditGraceMs: 2000 })
    const load = startLoad(cluster, planCalls(new Random(11)), 12)
    const refusals = () => cluster.told.filter(({ answer }) => answer.kind === 'error' && answer.code === 'store_full')
    for (const when of ['at first', 'a second time']) {
      const refused = refusals().length
      await until(() => refusals().length > refused, `the store is full ${when}`, 60_000)
      const answered = load.answered
      await until(() => load.answered > answered + 20, `calls flow again ${when}`, 60_000)
    }
    await load.stop()
    const evidence = await cluster.settled()
    assert.deepEqual(checkRun(evidence), [])
    t.diagnostic(`${load.answered} calls answered, ${refusals().length} refused for want of space`)
  },
)
