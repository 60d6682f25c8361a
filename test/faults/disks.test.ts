import { test } from 'node:test'
import { until } from '@countersign/testing'
import { startCluster } from './harness/cluster.ts'
import { noDisk } from './harness/disk-program.ts'
import { underLoad } from './load/under-load.ts'

const skip = noDisk()
const ackWaitMs = 3000

test(
  'I5, I6, I7, I8: a full disk under the store refuses, and calls flow again once there is space and nats-server is started again',
  { skip, timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs, heldFor: '15s', disks: ['nats'], callTimeoutMs: 8000 })
    const run = await underLoad(t, cluster, 8)
    const refused = () =>
      cluster.told.filter(
        ({ answer }) => answer.kind === 'error' && ['store_full', 'store_unavailable'].includes(answer.code),
      ).length
    await cluster.disks.nats.leave(200_000)
    await until(() => refused() > 0, 'calls are refused for want of space', 60_000)
    await cluster.disks.nats.leave()
    // A stream that could not write takes nothing more until the server is started again.
    await cluster.nats.stop('SIGKILL')
    await cluster.nats.start()
    await run.flows('when there is space again')
    t.diagnostic(`${await run.end()} calls answered, ${refused()} refused`)
  },
)

test(
  "I5, I6, I8: a full disk under audit's log stops nothing that was stored from being sealed later",
  { skip, timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs, heldFor: '15s', disks: ['audit'] })
    const run = await underLoad(t, cluster, 8)
    await cluster.disks.audit.leave(30_000)
    const sealed = async () => (await cluster.evidence()).log.length
    // Calls go on while audit cannot seal: it stands still, and is far behind.
    await until(
      async () => {
        const { log, stored } = await cluster.evidence()
        return stored.length > log.length + 40
      },
      'audit is behind',
      60_000,
    )
    const before = await sealed()
    await cluster.disks.audit.leave()
    await until(async () => (await sealed()) > before + 40, 'audit seals again by itself', 60_000)
    await run.flows('when there is space again')
    t.diagnostic(`${await run.end()} calls answered`)
  },
)

test(
  'I1, I2, I3, I5, I6, I8: on slow disks calls are slower, and nothing else',
  { skip, timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs, heldFor: '15s', disks: ['nats', 'audit'] })
    const run = await underLoad(t, cluster, 8)
    for (const ms of [50, 200]) {
      for (const disk of Object.values(cluster.disks)) await disk.delay(ms)
      await run.flows(`when a sync takes ${ms} ms`)
    }
    for (const disk of Object.values(cluster.disks)) await disk.delay(0)
    t.diagnostic(`${await run.end()} calls answered`)
  },
)
