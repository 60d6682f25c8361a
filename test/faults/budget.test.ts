import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { startCluster } from './harness/cluster.ts'
import { Random } from './harness/random.ts'
import { driveCall } from './load/drive.ts'
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
    const refusals = () => cluster.told.filter(({ answer }) => answer.kind === 'result' && answer.code === 'store_full')
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

test(
  'I5, I7: calls that nobody decides fill their part of the store and no more, so that all of them end afterwards',
  { timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, callsMaxBytes: 200_000, auditGraceMs: 2000 })
    for (const replica of cluster.of('policy')) replica.signal('SIGSTOP')
    let refused = 0
    const caller = async (gateway: number) => {
      for (let n = gateway; refused < 10; n += 16) {
        const call = driveCall(cluster, { n, tool: 'read', sequel: 'wait', gateway })
        calls.push(call)
        // Those that are taken wait for policy; what is refused is refused at once.
        const answer = await Promise.race([call, new Promise<void>((resolve) => setTimeout(resolve, 100))])
        if (answer?.kind === 'result' && answer.code === 'store_full') refused += 1
      }
    }
    const calls: ReturnType<typeof driveCall>[] = []
    await Promise.all(Array.from({ length: 16 }, (_, gateway) => caller(gateway)))
    for (const replica of cluster.of('policy')) replica.signal('SIGCONT')
    await Promise.all(calls)
    assert.deepEqual(checkRun(await cluster.settled()), [])
    const again = async (n: number) => driveCall(cluster, { n, tool: 'read', sequel: 'wait', gateway: 0 })
    let n = -1
    const isTaken = async () => {
      const answer = await again(n--)
      return answer.kind === 'result' && answer.code !== 'store_full'
    }
    await until(isTaken, 'calls are taken again when those are purged', 60_000)
    t.diagnostic(`${calls.length} calls asked, ${refused} refused`)
  },
)
