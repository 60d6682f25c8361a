import assert from 'node:assert/strict'
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { newCallId, subjects, verbs } from '@countersign/contracts'
import { type Cleanup, startTestBus, until } from '@countersign/testing'
import type { Log, Sealed } from '../src/log/log.ts'
import { seal, sealAll, type SealOptions } from '../src/record/seal.ts'
import { RecordPublisher } from '../src/record/publish.ts'
import { calls } from '../src/record/record-source.ts'
import { makeRoom } from '../src/retention/make-room.ts'
import { retentionTimes } from '../src/retention/purge-due.ts'
import { Retention } from '../src/retention/retention.ts'
import { StreamEpoch } from '../src/record/stream-epoch.ts'
import {
  activityWriter,
  auditFolder,
  callWriter,
  openTestLog,
  readAll,
  readAudit,
  readLog,
  startAudit,
  testRecords,
  verifyFolder,
  whenIndexed,
} from './harness.ts'

const soon = () => Date.now() + 10_000

test(
  'I8: every event is sealed in order, published as it was sealed, and answered for',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const writer = await callWriter(testBus)
    // Some are there before audit is, most come while it runs.
    const early = await Promise.all(Array.from({ length: 30 }, () => writer.request()))
    const audit = await startAudit(t, testBus, folder)
    assert.equal((await audit.ready()).status, 200)
    await Promise.all(early.map((call) => writer.deny(call)))
    const late = await Promise.all(
      Array.from({ length: 400 }, (_, place) => writer.request({ principal: `p${place % 10}` })),
    )
    await writer.gateway.store(
      { subject: `calls.NO-LABEL.files.${newCallId(0)}.requested`, data: Buffer.from('not JSON'), msgId: 'garbage' },
      soon(),
    )
    const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
    const statusOf = (tenant: string) => console.callApi(verbs.audit.status, { tenant })
    await until(async () => (await statusOf('default')).size === 460, 'all is sealed')
    await until(async () => (await reader.consumerLag('CALLS', 'audit')) === 0, 'all is acknowledged')

    const status = await statusOf('default')
    assert.equal(status.lastSeq, 461)
    const find = () => console.callApi(verbs.audit.calls, { tenant: 'default', principal: 'p3', limit: 1000 }, 20_000)
    assert.equal((await whenIndexed(find)).calls.length, 40)
    const { records } = await console.callApi(verbs.audit.records, {
      tenant: 'default',
      callId: late[7]!.at.callId,
    })
    assert.deepEqual(
      records.map(({ record }) => record.event),
      ['requested'],
    )
    await assert.rejects(console.callApi(verbs.audit.records, { tenant: 'default', limit: 5000 }), {
      code: 'invalid_params',
    })

    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    assert.deepEqual(await verifyFolder(folder.dir), { records: 461, problems: [] })
    const log = await openTestLog(folder)
    assert.equal(log.tree('default').root.toString('base64'), status.root)
    assert.deepEqual(log.tenants, ['default', 'invalid'])
    const sealed = await readLog(log)
    await log.close()
    const stored = await readAll(reader, 'CALLS')
    assert.deepEqual(
      sealed.map(({ record }) => record.stream.seq),
      stored.map(({ seq }) => seq),
    )
    const { created } = await reader.streamInfo('CALLS')
    for (const [place, { record }] of sealed.entries()) {
      assert.equal(record.stream.created, created)
      assert.equal(Date.parse(record.storedAt), stored[place]!.storedAt.getTime())
      if (place < 460) assert.deepEqual(record.cloudEvent, JSON.parse(Buffer.from(stored[place]!.data).toString()))
    }
    assert.equal(sealed[460]!.record.cloudEvent['malformed'], Buffer.from('not JSON').toString('base64'))
    assert.deepEqual(await readAudit(reader), sealed)
    assert.ok((await reader.streamInfo('AUDIT', subjects.auditRecord('default', 'files', 'denied'))).subjects)
  },
)

test('R23: what is done to servers and to Countersign is sealed with the calls, published, and let go when space is short', async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const [writer, activities] = await Promise.all([callWriter(testBus), activityWriter(testBus)])
  await activities.serverEvent('started')
  const audit = await startAudit(t, testBus, folder)
  await writer.request()
  await activities.policiesChanged()
  const reader = await testBus.connect('audit')
  const published = async () => (await readAudit(reader)).map(({ record }) => record.event).toSorted()
  await until(async () => (await published()).length === 3, 'all is published')
  assert.deepEqual(await published(), ['policies_changed', 'requested', 'started'])
  assert.ok((await reader.streamInfo('AUDIT', subjects.auditRecord('default', undefined, 'policies_changed'))).subjects)
  await until(async () => (await reader.consumerLag('LIFECYCLE', 'audit')) === 0, 'all is acknowledged')
  assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
  assert.deepEqual(await verifyFolder(folder.dir), { records: 3, problems: [] })

  const log = await openTestLog(folder)
  t.after(() => log.close())
  const epoch = new StreamEpoch(reader, log, 'LIFECYCLE')
  await activities.serverEvent('stopped')
  assert.equal(await makeRoom({ bus: reader, epoch, maxBytes: 1024 ** 2 }), 0)
  assert.equal(await makeRoom({ bus: reader, epoch, maxBytes: 10 }), 2)
  // What is not sealed stays (I8).
  assert.deepEqual(
    (await readAll(reader, 'LIFECYCLE')).map(({ subject }) => subject),
    [subjects.lifecycleEvent('default', 'files', 'stopped')],
  )
})

/** What sealing works with, in this process. */
async function sealer(t: Cleanup, testBus: Awaited<ReturnType<typeof startTestBus>>) {
  const bus = await testBus.connect('audit')
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const gaps: [number, number][] = []
  const sealed: Sealed[] = []
  const options: SealOptions = {
    source: calls,
    bus,
    epoch: new StreamEpoch(bus, log, 'CALLS'),
    append: (records) => log.append(records),
    onSealed: (batch) => void sealed.push(...batch),
    onGap: ({ from, to }) => gaps.push([from, to]),
  }
  const seqs = () => sealed.map(({ record }) => record.seq)
  return { bus, log, options, gaps, seqs }
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, place) => first + place)

test('I8: whatever order events are delivered in, they are sealed in stream order and each once', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const { bus, options, gaps, seqs } = await sealer(t, testBus)
  for (let count = 0; count < 60; count++) await writer.request()
  const stored = await readAll(bus, 'CALLS')
  // After a crash the new ones come first; what the dead process was given comes a minute later.
  await seal(options, stored.slice(40, 45))
  assert.deepEqual(seqs(), upTo(60))
  await seal(options, [...stored.slice(20, 50), ...stored.slice(0, 10)])
  assert.deepEqual(seqs(), upTo(60))
  const { seq } = await writer.request()
  await writer.request()
  await seal(options, [
    ...stored.slice(55),
    ...(await bus.readStream('CALLS', seq + 1, { maxMessages: 1, maxBytes: 1e6 })),
  ])
  await sealAll(options)
  assert.deepEqual(seqs(), upTo(62))
  assert.deepEqual(gaps, [])
})

test('events that somebody removed before they were sealed show as a gap', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const { bus, options, gaps, seqs } = await sealer(t, testBus)
  for (let count = 0; count < 10; count++) await writer.request()
  await sealAll(options)
  for (let count = 0; count < 10; count++) await writer.request()
  await bus.purge('CALLS', { seq: 15 })
  await seal(options, await bus.readStream('CALLS', 18, { maxMessages: 10, maxBytes: 1e6 }))
  assert.deepEqual(seqs(), [...upTo(10), ...upTo(20, 15)])
  assert.deepEqual(gaps, [[11, 14]])
})

test('a stream made anew is told from the one before; one that was set back is refused', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const { bus, log, options, gaps, seqs } = await sealer(t, testBus)
  // From another stream, further on than this one.
  await log.append(testRecords(50))
  for (let count = 0; count < 10; count++) await writer.request()
  await seal(options, (await readAll(bus, 'CALLS')).slice(3))
  assert.deepEqual(seqs(), upTo(10))
  assert.deepEqual(gaps, [])
  const { created } = await bus.streamInfo('CALLS')
  const [newest] = await bus.readStream('CALLS', 10, { maxMessages: 1, maxBytes: 1e6 })
  assert.deepEqual(log.last.CALLS, { seq: 10, created, storedAt: newest!.storedAt.toISOString() })
  await log.append(testRecords(5, 11).map((record) => ({ ...record, created })))
  for (let count = 0; count < 2; count++) await writer.request()
  const again = (await readAll(bus, 'CALLS')).slice(10)
  await assert.rejects(seal(options, again), /CALLS ends at 12, but the audit log has sealed its events up to 15/)
  assert.equal(log.size, 65)
})

test('I8: a stream that was set back and has gone on to what is sealed is refused, and nothing of it is removed', async (t) => {
  const testBus = await startTestBus(t)
  const { server, dir } = testBus
  const writer = await callWriter(testBus)
  const { bus, options, seqs } = await sealer(t, testBus)
  const { epoch } = options
  const retention = new Retention({
    ...{ bus, epoch, times: retentionTimes(1), everyMs: 1000, now: Date.now },
    ...{ onPurged: () => {}, onProblem: () => {} },
  })
  await retention.open()
  const connected = async () => {
    if (!(await bus.answers(500))) return false
    return bus.streamInfo('CALLS').then(
      () => true,
      () => false,
    )
  }
  for (let count = 0; count < 10; count++) await writer.request()
  await server.stop()
  await cp(join(dir, 'store'), join(dir, 'backup'), { recursive: true })
  const again = await testBus.startAgain()
  await until(connected, 'the server is back')
  for (let count = 0; count < 5; count++) await writer.request()
  await sealAll(options)
  assert.deepEqual(seqs(), upTo(15))
  const { created } = await epoch.read()
  await again.stop()
  await rm(join(dir, 'store'), { recursive: true })
  await rename(join(dir, 'backup'), join(dir, 'store'))
  await testBus.startAgain()
  await until(connected, 'the older server is there')
  for (let count = 0; count < 7; count++) await writer.request()
  assert.equal((await bus.streamInfo('CALLS')).created, created)

  const setBack = /CALLS has another event at 15 than the one that the audit log has sealed: the stream was set back/
  await assert.rejects(seal(options, await bus.readStream('CALLS', 16, { maxMessages: 9, maxBytes: 1e6 })), setBack)
  await assert.rejects(sealAll(options), setBack)
  await assert.rejects(makeRoom({ bus, epoch, maxBytes: 10 }), setBack)
  await assert.rejects(retention.purge(), setBack)
  assert.deepEqual(seqs(), upTo(15))
  assert.equal((await readAll(bus, 'CALLS')).length, 17)
})

test('records that AUDIT lost are published again in the order of the stream, and none twice', async (t) => {
  const testBus = await startTestBus(t)
  const bus = await testBus.connect('audit')
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const records = testRecords(1300, 1, (seq) => ({ tenant: tenantOf(seq) }))
  for (let at = 0; at < records.length; at += 100) await log.append(records.slice(at, at + 100))
  // AUDIT has the first hundred, as after a power failure.
  await new RecordPublisher(bus, partOf(log, 100)).resume()
  assert.equal((await readAudit(bus)).length, 100)
  for (let again = 0; again < 2; again++) {
    await new RecordPublisher(bus, log).resume()
    assert.deepEqual(await readAudit(bus), await readLog(log))
  }
})

test('R23: after AUDIT lost its newest records, those of two streams and several tenants are published again, none twice', async (t) => {
  const testBus = await startTestBus(t)
  const bus = await testBus.connect('audit')
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const records = testRecords(60, 1, (seq) => ({ tenant: tenantOf(seq) }))
  const activities = testRecords(60, 1, (seq) => ({ tenant: seq % 20 === 0 ? 'quiet' : tenantOf(seq) })).map(
    (record) => ({
      ...record,
      ...retold(record, 'LIFECYCLE'),
    }),
  )
  const publisher = new RecordPublisher(bus, log)
  await publisher.resume()
  for (let at = 0; at < 60; at += 10) {
    await publisher.publishThrough(await log.append(records.slice(at, at + 10)))
    const sealed = await log.append(activities.slice(at, at + 10))
    // As after a power failure: what was sealed last is not there.
    if (at < 50) await publisher.publishThrough(sealed)
  }
  for (const published of [110, 120]) {
    const all = await readAudit(bus)
    assert.equal(all.length, published)
    for (const tenant of log.tenants) {
      const indexes = all.filter(({ record }) => record.tenant === tenant).map(({ index }) => index)
      assert.deepEqual(indexes, upTo(indexes.length - 1, 0), tenant)
    }
    await new RecordPublisher(bus, log).resume()
  }
})

test('I8: a log that is not the one AUDIT comes from is refused', async (t) => {
  const testBus = await startTestBus(t)
  const bus = await testBus.connect('audit')
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  await log.append(testRecords(20))
  await new RecordPublisher(bus, log).resume()
  const other = await openTestLog(await auditFolder(t))
  t.after(() => other.close())
  const refused = /AUDIT holds record 19, and the audit log of default ends at 0/
  await assert.rejects(new RecordPublisher(bus, other).resume(), refused)
  await other.append(testRecords(20))
  await assert.rejects(new RecordPublisher(bus, other).resume(), /has another one in its place/)
})

/** A record of a call, told as one of another stream. */
function retold({ text }: { text: string }, stream: 'LIFECYCLE') {
  const retoldText = text.replace('"name":"CALLS"', `"name":"${stream}"`)
  return { stream, text: retoldText, entry: Buffer.from(retoldText) }
}

/** A log as it was when it had the records up to a sequence. */
function partOf(log: Log, seq: number): Pick<Log, 'tenants' | 'tree'> {
  const { tenants } = log
  const sizes = new Map(tenants.map((tenant) => [tenant, 0]))
  for (const tenant of upTo(seq).map(tenantOf)) sizes.set(tenant, sizes.get(tenant)! + 1)
  return {
    tenants,
    tree: (tenant) => {
      const tree = log.tree(tenant)
      const size = sizes.get(tenant)!
      return {
        ...{ size, root: tree.root, sealedAt: tree.sealedAt },
        read: (from, count) => tree.read(from, Math.min(count, size - from)),
        readEach: (indexes) => tree.readEach(indexes),
        backward: (before) => tree.backward(before),
      }
    },
  }
}

function tenantOf(seq: number): string {
  return ['a', 'b', 'c'][seq % 7] ?? 'd'
}
