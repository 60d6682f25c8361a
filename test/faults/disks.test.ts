import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectBus, encode } from '@countersign/bus'
import { freePort } from '@countersign/config'
import { newCallId, subjects } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { superviseNats } from '../../deploy/local/src/nats.ts'
import { openState, stateLayout } from '../../deploy/local/src/state.ts'
import { startCluster } from './harness/cluster.ts'
import { Disk } from './harness/disk.ts'
import { noDisk } from './harness/disk-program.ts'
import { isUnacknowledged } from './check/evidence.ts'
import { askOnce } from './load/drive.ts'
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
        ({ answer }) =>
          isUnacknowledged(answer) ||
          (answer.kind === 'result' &&
            answer.status === 'refused' &&
            ['store_full', 'store_unavailable'].includes(answer.code ?? '')),
      ).length
    await cluster.disks.nats.leave(200_000)
    // Each caller of the load may be waiting for a call that was stored just before: somebody else asks.
    let asking = 1_000_000
    const isRefused = async () => {
      await askOnce(cluster, { n: asking++, tool: 'read', sequel: 'wait', gateway: asking % 2 }, 1)
      return refused() > 0
    }
    await until(isRefused, 'calls are refused for want of space', 60_000)
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

test(
  'I7, R33: on one machine a nats-server whose disk was full is started again by the launcher once there is space',
  { skip, timeout: 120_000 },
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'countersign-full-'))
    const layout = stateLayout(join(root, 'state'))
    const state = await openState(layout.dir, false, 0, () => {})
    const disk = await Disk.mount(layout.nats)
    const port = await freePort()
    const said: string[] = []
    const server = await superviseNats(
      state,
      port,
      () => {},
      (line) => said.push(line),
    )
    const bus = await connectBus({ url: server.url, user: 'gateway', password: state.passwords.gateway })
    t.after(async () => {
      await bus.close()
      await server.stop()
      await disk.end()
      await rm(root, { recursive: true, force: true })
    })
    const stored = () => {
      const at = { tenant: 'default', server: 'files', callId: newCallId(Date.now()) }
      const data = encode({ text: 'x'.repeat(2000) })
      return bus.store({ subject: subjects.call(at, 'requested'), data, msgId: at.callId }, Date.now() + 2000).then(
        () => true,
        () => false,
      )
    }
    assert.ok(await stored())
    const first = server.pid()
    await disk.leave(50_000)
    await until(async () => !(await stored()), 'nothing more is stored', 60_000)
    await until(() => said.some((line) => /cannot write to its disk/.test(line)), 'the launcher says so')
    // While there is no space, starting it again would not help.
    assert.equal(server.pid(), first)
    await disk.leave()
    await until(stored, 'it is stored again', 60_000)
    assert.notEqual(server.pid(), first)
    assert.ok(said.some((line) => /there is space again; starting nats-server again/.test(line)))
  },
)
