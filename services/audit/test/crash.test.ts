import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import {
  activityWriter,
  auditFolder,
  callWriter,
  ofStream,
  openTestLog,
  readAll,
  readAudit,
  readLog,
  startAudit,
  verifyFolder,
} from './harness.ts'

test(
  'I8, I12, R23: killed at any moment, audit goes on without a gap or a duplicate, of calls and of activities',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const writer = await callWriter(testBus)
    const activities = await activityWriter(testBus)
    const reader = await testBus.connect('audit')
    let writing = true
    const load = (async () => {
      // A burst, then a pause: what was delivered last is then not always followed by something newer.
      while (writing) {
        await Promise.all([
          ...Array.from({ length: 20 }, () => writer.request().then((call) => writer.deny(call))),
          ...['started', 'verified', 'crashed'].map((event) => activities.serverEvent(event as 'started', `t${event}`)),
          activities.policiesChanged(),
        ])
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      }
    })()
    for (let round = 0; round < 6; round++) {
      const audit = await startAudit(t, testBus, folder)
      const { lastSeq } = await reader.streamInfo('AUDIT')
      // Some die while they catch up, some in the middle of the load.
      const more = round % 3 === 0 ? 0 : Math.floor(Math.random() * 60)
      await until(async () => (await reader.streamInfo('AUDIT')).lastSeq >= lastSeq + more, 'it has published some')
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      assert.equal(await audit.stop('SIGKILL'), null)
    }
    writing = false
    await load
    const last = await startAudit(t, testBus, folder)
    const stored = await readAll(reader, 'CALLS')
    const done = await readAll(reader, 'LIFECYCLE')
    const all = stored.length + done.length
    await until(async () => (await reader.streamInfo('AUDIT')).lastSeq >= all, 'all is published')
    assert.equal(await last.stop('SIGTERM'), 0)

    assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
    const log = await openTestLog(folder)
    const sealed = await readLog(log)
    await log.close()
    assert.ok(stored.length > 100 && done.length > 20, 'there was a load')
    for (const [stream, messages] of [
      ['CALLS', stored],
      ['LIFECYCLE', done],
    ] as const) {
      assert.deepEqual(
        ofStream(sealed, stream).map(({ record }) => record.stream.seq),
        messages.map(({ seq }) => seq),
        stream,
      )
    }
    const published = await readAudit(reader)
    for (const tenant of ['default', 'tstarted', 'tverified', 'tcrashed']) {
      const of = (records: typeof sealed) =>
        records.filter(({ record }) => record.tenant === tenant).toSorted((a, b) => a.index - b.index)
      assert.deepEqual(
        published.filter(({ record }) => record.tenant === tenant),
        of(sealed),
        'each once, in the order of its log',
      )
    }
  },
)

test('I12, R41: while the bus is away, audit ends when it is asked to', { timeout: 60_000 }, async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const writer = await callWriter(testBus)
  const audit = await startAudit(t, testBus, folder)
  await Promise.all(Array.from({ length: 50 }, () => writer.request()))
  await testBus.server.stop('SIGKILL')
  // What was in hand may not be finished; its exit code says so.
  assert.notEqual(await audit.stop('SIGTERM'), null)
  // Its lock went with it.
  await (await openTestLog(folder)).close()
})

test('I12: with the bus killed and back again, audit goes on by itself', { timeout: 60_000 }, async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const writer = await callWriter(testBus)
  const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
  const audit = await startAudit(t, testBus, folder)
  await Promise.all(Array.from({ length: 50 }, () => writer.request()))
  await testBus.server.stop('SIGKILL')
  await testBus.startAgain()
  await until(() => writer.gateway.connected && reader.connected && console.connected, 'everybody is back')
  await Promise.all(Array.from({ length: 50 }, () => writer.request()))
  await until(
    async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size >= 100,
    'all is sealed',
  )
  await until(async () => (await audit.ready()).status === 200, 'it is ready again')
  assert.equal(await audit.stop('SIGTERM'), 0)
  assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
  const log = await openTestLog(folder)
  const sealed = await readLog(log)
  await log.close()
  const stored = await readAll(reader, 'CALLS')
  assert.deepEqual(
    sealed.map(({ record }) => record.stream.seq),
    stored.map(({ seq }) => seq),
  )
  assert.equal(new Set(sealed.map(({ record }) => record.stream.created)).size, 1)
  assert.deepEqual(await readAudit(reader), sealed)
})

test(
  'I7, I8: on a full disk nothing is acknowledged and readiness is red; with space again all is sealed',
  { timeout: 60_000 },
  async (t) => {
    if (process.platform !== 'linux') return t.skip('sets the limit of a running process with prlimit')
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const writer = await callWriter(testBus)
    const reader = await testBus.connect('audit')
    const audit = await startAudit(t, testBus, folder)
    const limit = (bytes: number | 'unlimited') =>
      execFileSync('prlimit', ['--pid', String(audit.child.pid), `--fsize=${bytes}:unlimited`])
    await writer.request()
    await until(async () => (await reader.streamInfo('AUDIT')).lastSeq === 1, 'one is sealed')
    // No file may be longer than this: neither a journal nor a bundle of more than a few records.
    limit(8000)
    for (let count = 0; count < 30; count++) await writer.request()
    await until(async () => (await audit.ready()).body.includes('recording'), 'readiness is red')
    assert.equal((await audit.ready()).status, 503)
    assert.match(audit.output(), /EFBIG/)
    const { callApi } = await testBus.connect('console')
    const problemFor = async (tenant: string) => (await callApi(verbs.audit.status, { tenant })).problem ?? ''
    assert.match(await problemFor('default'), /EFBIG/)
    assert.match(await problemFor('elsewhere'), /^why is told to whoever runs this Countersign/)
    const published = (await reader.streamInfo('AUDIT')).lastSeq
    assert.ok(published < 31)
    await until(
      async () => (await reader.consumerLag('CALLS', 'audit')) === 31 - published,
      'only what is sealed is acknowledged',
    )
    limit('unlimited')
    await until(async () => (await audit.ready()).status === 200, 'readiness is green')
    await until(async () => (await reader.consumerLag('CALLS', 'audit')) === 0, 'all is acknowledged')
    assert.equal(await audit.stop('SIGTERM'), 0)
    assert.deepEqual(await verifyFolder(folder.dir), { records: 31, problems: [] })
    assert.equal((await readAudit(reader)).length, 31)
  },
)

test(
  'I12, R33: audit is ready again after nats-server was replaced, also when no event comes that would show it',
  { timeout: 60_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const audit = await startAudit(t, testBus, folder)
    assert.equal((await audit.ready()).status, 200)
    await testBus.server.stop('SIGTERM')
    await until(async () => (await audit.ready()).status === 503, 'it knows')
    await testBus.startAgain()
    const { body } = await until(async () => {
      const answer = await audit.ready()
      return answer.status === 200 && answer
    }, 'it is ready again')
    assert.equal(body, '{"awaited":[],"why":{}}\n')
    // Before its folder goes: the index in it is being written.
    await audit.stop('SIGKILL')
  },
)
