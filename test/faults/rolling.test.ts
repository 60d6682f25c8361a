import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { driveCall } from './load/drive.ts'

/** What a load balancer needs to take a replica out before it is stopped. */
const drainMs = 200

/** Keeps calling through the gateways that are in service; every call must succeed. */
function startCallers(cluster: Cluster, inService: ReadonlySet<number>) {
  const tools = ['read', 'write', 'slow-read', 'slow-write', 'held-write'] as const
  const failures: string[] = []
  let going = true
  let n = 0
  const caller = async () => {
    while (going) {
      const tool = tools[++n % tools.length]!
      const gateway = [...inService][n % inService.size]!
      const answer = await driveCall(cluster, { n, tool, sequel: tool === 'held-write' ? 'approve' : 'wait', gateway })
      if (answer.kind !== 'result' || answer.status !== 'succeeded') failures.push(`${tool}: ${JSON.stringify(answer)}`)
    }
  }
  const all = Promise.all(Array.from({ length: 8 }, caller))
  return {
    failures,
    get asked() {
      return n
    },
    async stop() {
      going = false
      await all
    },
  }
}

test(
  'I5, I6, I12: every process is replaced under load, one after another, and no call fails',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t)
    const inService = new Set([0, 1])
    const callers = startCallers(cluster, inService)
    const flows = async (when: string) => {
      const before = callers.asked
      await until(() => callers.asked > before + 16, `calls flow ${when}`, 120_000)
    }
    await flows('at first')
    for (const replica of cluster.replicas) {
      const gateway = cluster.of('gateway').indexOf(replica)
      inService.delete(gateway)
      await new Promise((resolve) => setTimeout(resolve, drainMs))
      assert.equal(await replica.replace(), 0, `${replica.name} ends cleanly`)
      if (gateway >= 0) inService.add(gateway)
      await flows(`after ${replica.name} was replaced`)
    }
    await callers.stop()
    assert.deepEqual(callers.failures, [])
    assert.deepEqual(checkRun(await cluster.settled()), [])
    t.diagnostic(`${callers.asked} calls while ${cluster.replicas.length} processes were replaced`)
  },
)
