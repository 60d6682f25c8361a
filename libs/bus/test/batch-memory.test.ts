import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, readdirSync, readlinkSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Bus } from '@countersign/bus'
import { freeBatchMemory, useBatchMemory } from '@countersign/bus/server'
import { inboxPrefix, makeEvent } from '@countersign/contracts'
import { callFixture, requestedFixture, startTestBus } from '@countersign/testing'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const skip = existsSync('/dev/shm') ? false : 'this system keeps no files in memory'

const batchesOf = (storeDir: string) => join(storeDir, 'jetstream', '$G', 'streams', 'CALLS', 'batches')

/** Stores so many events at once; resolves to their sequences. */
async function store(bus: Bus, count: number, text = 'x'): Promise<number[]> {
  const stored = Array.from({ length: count }, async () => {
    const call = callFixture()
    const event = makeEvent('requested', requestedFixture(call, { text }), { now: new Date() })
    return bus.publishEvent(call, 'requested', event, 0, Date.now() + 30_000)
  })
  return (await Promise.all(stored)).map(({ seq }) => seq)
}

/** Counts what is made in a folder. */
function countMade(t: TestContext, folder: string): () => number {
  const names = new Set<string | null>()
  const watcher = watch(folder, (_event, name) => names.add(name))
  t.after(() => watcher.close())
  return () => names.size
}

test(
  'I12: batches that are gathered in memory lose nothing when the server is killed and that memory with it',
  { skip },
  async (t) => {
    const testBus = await startTestBus(t)
    const { storeDir } = testBus.server
    t.after(() => freeBatchMemory(storeDir))
    const gateway = await testBus.connect('gateway')
    await store(gateway, 100)
    await useBatchMemory(storeDir)
    const folder = readlinkSync(batchesOf(storeDir))
    assert.equal(lstatSync(folder).mode & 0o777, 0o700)
    const made = countMade(t, folder)
    await store(gateway, 300)
    assert.ok(made() > 0, 'no batch was gathered there')
    assert.deepEqual(readdirSync(folder), [], 'batches stay when they are stored')

    testBus.server.process.kill('SIGKILL')
    await once(testBus.server.process, 'exit')
    await freeBatchMemory(storeDir)
    await testBus.startAgain()
    const auditor = await testBus.connect('auditor')
    const kept = await auditor.readStream('CALLS', 1, { maxMessages: 1000, maxBytes: 2 ** 26 })
    assert.equal(kept.length, 400)
    await useBatchMemory(storeDir)
    assert.equal(readlinkSync(batchesOf(storeDir)), folder)
    const again = countMade(t, folder)
    const stored = await store(gateway, 300)
    assert.ok(again() > 0, 'no batch was gathered there after the restart')
    assert.equal(new Set(stored).size, 300)
  },
)

test('R33: where that memory cannot be had batches are gathered on the disk, and why is said', { skip }, async (t) => {
  const testBus = await startTestBus(t)
  const { storeDir } = testBus.server
  t.after(() => freeBatchMemory(storeDir))
  await useBatchMemory(storeDir)
  const batches = batchesOf(storeDir)
  const folder = readlinkSync(batches)
  rmSync(batches)
  chmodSync(folder, 0o755)
  await assert.rejects(useBatchMemory(storeDir), /only this user may read; remove it/)
  const gateway = await testBus.connect('gateway')
  const made = countMade(t, folder)
  assert.equal((await store(gateway, 200)).length, 200)
  assert.equal(made(), 0)
  assert.ok(lstatSync(batches).isDirectory())
})

test('I1: what a batch carries is bounded', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t)
  const gateway = await connectAs('gateway')
  await store(gateway, 80, 'x'.repeat(60_000))
  const nc = await connect({
    servers: server.url,
    user: 'audit',
    pass: server.passwords.audit,
    inboxPrefix: inboxPrefix('audit'),
  })
  t.after(() => nc.close())
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const bytes = new Map<string, number>()
  for await (const { data, header } of await jsm.direct.getBatch('CALLS', { seq: 1, batch: 80, next_by_subj: '>' })) {
    const batch = header.get('Nats-Batch-Id')
    if (batch !== '') bytes.set(batch, (bytes.get(batch) ?? 0) + data.length)
  }
  assert.ok(bytes.size > 1, 'nothing travelled in batches')
  assert.ok(Math.max(...bytes.values()) <= 2 ** 20, [...bytes.values()].join(' '))
})
