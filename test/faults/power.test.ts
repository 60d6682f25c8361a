import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connectBus } from '@countersign/bus'
import { newPasswords } from '@countersign/bus/server'
import { makeEvent } from '@countersign/contracts'
import { callFixture, requestedFixture } from '@countersign/testing'
import { stateLayout } from '../../deploy/local/src/state.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { Disk } from './harness/disk.ts'
import { noDisk } from './harness/disk-program.ts'
import { Nats } from './harness/nats.ts'
import { underLoad } from './load/under-load.ts'

const skip = noDisk()
/** How often the power fails; `FAULTS_CUTS=100` for a run by hand. */
const cuts = Number(process.env.FAULTS_CUTS ?? 4)

/** The power of the machine with the store and the log fails: all of it stops at once, and what was not synced is gone. */
async function powerFails(cluster: Cluster, seed: number | undefined): Promise<void> {
  const machine = cluster.replicas
  const gone = [cluster.nats.stop('SIGKILL'), ...machine.map((replica) => replica.end())]
  await Promise.all(gone)
  for (const disk of [cluster.disks.nats, cluster.disks.audit]) await disk.cut(seed)
  await cluster.nats.loseMemory()
  await cluster.nats.start()
  await cluster.nats.provision()
  await Promise.all(machine.map((replica) => replica.begin()))
}

test(
  'I1, I2, I3, I5, I6, I8, I12: a power failure loses nothing that was acknowledged',
  { skip, timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, heldFor: '15s', disks: ['nats', 'audit'] })
    const run = await underLoad(t, cluster, 12)
    for (let cut = 0; cut < cuts; cut++) {
      // By turns everything that was not synced is lost, and some of it.
      await powerFails(cluster, cut % 2 === 0 ? undefined : cut)
      await run.flows(`after power failure ${cut + 1}`)
    }
    t.diagnostic(`${await run.end()} calls answered`)
  },
)

/** Stores events, cuts the power once all are acknowledged, and counts those that are there afterwards. */
async function survivors(t: TestContext, events: number, defaultSync: boolean): Promise<number> {
  const layout = stateLayout(await mkdtemp(join(tmpdir(), 'countersign-power-')))
  await mkdir(layout.logs)
  const disk = await Disk.mount(layout.nats)
  const passwords = newPasswords()
  const nats = await Nats.plan({
    layout,
    passwords,
    nodes: 1,
    defaultSync,
    settableClock: false,
    callsMaxBytes: undefined,
    ackWaitMs: undefined,
  })
  t.after(async () => {
    await nats.end()
    await disk.end()
    await rm(layout.dir, { recursive: true })
  })
  await nats.start()
  await nats.provision()
  // What was made long ago is on disk, however the server is set.
  await disk.sync()
  const gateway = await connectBus({ url: nats.url, user: 'gateway', password: passwords.gateway })
  await Promise.all(
    Array.from({ length: events }, () => {
      const call = callFixture()
      const event = makeEvent('requested', requestedFixture(call), { now: new Date() })
      return gateway.publishEvent(call, 'requested', event, 0, Date.now() + 60_000)
    }),
  )
  await nats.stop('SIGKILL')
  await disk.cut()
  await nats.loseMemory()
  await nats.start()
  const auditor = await connectBus({ url: nats.url, user: 'auditor', password: passwords.auditor })
  const stored = await auditor.readStream('CALLS', 1, { maxMessages: 2 * events, maxBytes: 2 ** 26 })
  await Promise.all([gateway.close(), auditor.close()])
  return stored.length
}

test(
  'I12: what nats-server has acknowledged survives a power failure because it syncs always; by default it is lost',
  { skip, timeout: 120_000 },
  async (t) => {
    const events = 200
    assert.equal(await survivors(t, events, false), events)
    const left = await survivors(t, events, true)
    t.diagnostic(`with the default setting ${left} of ${events} acknowledged events are left`)
    assert.ok(left < events, 'the default setting lost nothing, so this disk proves nothing')
  },
)
