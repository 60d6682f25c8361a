import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, lstatSync, readdirSync, readlinkSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Bus } from '@countersign/bus'
import { BatchMemory } from '@countersign/bus/server'
import { inboxPrefix, makeEvent, parseCallSubject } from '@countersign/contracts'
import { callFixture, requestedFixture, startTestBus, until } from '@countersign/testing'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const skip = existsSync('/dev/shm') ? false : 'this system keeps no files in memory'

const batchesOf = (storeDir: string) => join(storeDir, 'jetstream', '$G', 'streams', 'CALLS', 'batches')

/** Stores so many events at once; resolves to the ids of their calls. */
async function store(bus: Bus, count: number, text = 'x'): Promise<string[]> {
  const stored = Array.from({ length: count }, async () => {
    const call = callFixture()
    const event = makeEvent('requested', requestedFixture(call, { text }), { now: new Date() })
    await bus.publishEvent(call, 'requested', event, 0, Date.now() + 30_000)
    return call.callId
  })
  return Promise.all(stored)
}

/** A server with memory for its batches, and what it says. */
async function startWithMemory(t: TestContext) {
  const testBus = await startTestBus(t)
  const { storeDir } = testBus.server
  const said: string[] = []
  const memory = new BatchMemory({ storeDir, say: (line) => said.push(line) })
  t.after(() => memory.stop())
  await memory.start()
  const batches = batchesOf(storeDir)
  return { ...testBus, memory, said, batches, folder: readlinkSync(batches) }
}

/** Counts what is made in a folder. */
function countMade(t: TestContext, folder: string): () => number {
  const names = new Set<string | null>()
  const watcher = watch(folder, (_event, name) => names.add(name))
  t.after(() => watcher.close())
  return () => names.size
}

function isLinked(batches: string): boolean {
  return lstatSync(batches, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

test('I12: batches that are gathered in memory are stored, and leave nothing behind', { skip }, async (t) => {
  const { connect: connectAs, folder } = await startWithMemory(t)
  assert.equal(lstatSync(folder).mode & 0o777, 0o700)
  const made = countMade(t, folder)
  await store(await connectAs('gateway'), 300)
  assert.ok(made() > 0, 'no batch was gathered there')
  await until(() => readdirSync(folder).length === 0, 'nothing is left of them')
})

test(
  'I12: a server that is killed in a flood, and that memory with it, keeps every event that was acknowledged, once',
  { skip },
  async (t) => {
    const { server, connect: connectAs, startAgain, folder, batches } = await startWithMemory(t)
    const gateway = await connectAs('gateway')
    let acknowledged = 0
    const flood = Array.from({ length: 40 }, async () => {
      const ids: string[] = []
      for (let round = 0; round < 25; round++) {
        ids.push(...(await store(gateway, 4)))
        acknowledged += 4
      }
      return ids
    })
    await until(() => acknowledged > 400, 'it is in the midst of it')
    server.process.kill('SIGKILL')
    await once(server.process, 'exit')
    rmSync(folder, { recursive: true })
    await startAgain()
    // Its start took the link away, and events come all the time.
    await until(() => isLinked(batches), 'batches are gathered in memory again')
    const ids = (await Promise.all(flood)).flat()
    const auditor = await connectAs('auditor')
    const kept = await auditor.readStream('CALLS', 1, { maxMessages: 10_000, maxBytes: 2 ** 26 })
    const stored = kept.map(({ subject }) => parseCallSubject(subject)!.callId)
    assert.equal(new Set(stored).size, stored.length, 'an event is there twice')
    assert.deepEqual(stored.toSorted(), ids.toSorted())
  },
)

test(
  'R33: where that memory is not safe, batches are gathered on the disk and why is said; once it is, in memory again',
  { skip },
  async (t) => {
    const { connect: connectAs, folder, batches, said } = await startWithMemory(t)
    const gateway = await connectAs('gateway')
    chmodSync(folder, 0o755)
    await until(() => said.length > 0, 'it is said')
    assert.match(said.join(), /many calls at once take longer.*only this user may read; remove it/)
    const made = countMade(t, folder)
    assert.equal((await store(gateway, 200)).length, 200)
    assert.equal(made(), 0)
    rmSync(folder, { recursive: true })
    await until(() => isLinked(batches), 'batches are gathered in memory again')
    assert.equal(said.length, 1)
  },
)

test('R33: memory that somebody takes away is there again', { skip }, async (t) => {
  const { connect: connectAs, folder } = await startWithMemory(t)
  const gateway = await connectAs('gateway')
  rmSync(folder, { recursive: true })
  assert.equal((await store(gateway, 200)).length, 200)
  await until(() => existsSync(folder), 'it is there')
})

test('R15: what a batch carries is bounded, and an event that is longer goes all the same', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t)
  const gateway = await connectAs('gateway')
  await Promise.all([store(gateway, 80, 'x'.repeat(60_000)), store(gateway, 10, 'x'.repeat(1_100_000))])
  const name = inboxPrefix('audit')
  const nc = await connect({ servers: server.url, user: 'audit', pass: server.passwords.audit, inboxPrefix: name })
  t.after(() => nc.close())
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const bytes = new Map<string, number[]>()
  for await (const { data, header } of await jsm.direct.getBatch('CALLS', { seq: 1, batch: 90, next_by_subj: '>' })) {
    const batch = header.get('Nats-Batch-Id')
    if (batch !== '') bytes.set(batch, [...(bytes.get(batch) ?? []), data.length])
  }
  assert.ok(bytes.size > 1, 'nothing travelled in batches')
  for (const sizes of bytes.values()) {
    const sum = sizes.reduce((one, other) => one + other, 0)
    assert.ok(sum <= 2 ** 20 || Math.max(...sizes) > 2 ** 20, sizes.join(' '))
  }
})
