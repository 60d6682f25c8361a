import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inflict, pauseReplica } from './chance/inflict.ts'
import { startCluster } from './harness/cluster.ts'
import { underLoad } from './load/under-load.ts'

const ackWaitMs = 3000
/** As the set-up makes the consumer; no run changes it. */
const auditAckWaitMs = 60_000

test(
  'I1, I2, I3, I5, I6, I8, I12, R16: nats-server is killed under load and comes back, three times',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs })
    const run = await underLoad(t, cluster, 12)
    for (const forMs of [0, 1000, 10_000]) {
      await inflict(cluster, [{ kind: 'nats', afterMs: 0, forMs }])
      await run.flows(`after nats-server was away for ${forMs} ms`)
    }
    await run.end()
  },
)

test(
  'I1, I2, I5, I6, I8: each service is stopped in its tracks for longer than its messages wait for it',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs })
    const run = await underLoad(t, cluster, 3)
    const longest = pauseReplica(cluster, 'audit', auditAckWaitMs + 3000)
    for (const name of ['gateway-1', 'policy-2', 'agent-executor-1', 'lifecycle']) {
      await pauseReplica(cluster, name, 2 * ackWaitMs)
      await run.flows(`after ${name} was stopped`)
    }
    await longest
    await run.flows('after audit was stopped')
    await run.end()
  },
)

test(
  'I8, R33: AUDIT is lost with its server: the set-up makes it again, and audit publishes all of it again by itself',
  { timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs })
    const run = await underLoad(t, cluster, 4)
    await cluster.nats.stop('SIGKILL')
    // As after a power failure: this stream acknowledges before its disk has anything.
    await rm(join(cluster.state.layout.nats, 'nats/store/jetstream/$G/streams/AUDIT'), { recursive: true })
    await cluster.nats.start()
    await cluster.nats.provision()
    await run.flows('when AUDIT is there again')
    t.diagnostic(`${await run.end()} calls answered`)
  },
)
