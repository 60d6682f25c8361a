import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { consumers, makeEvent, newCallId, subjects } from '@countersign/contracts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { requestedFixture, startTestBus, until } from '@countersign/testing'
import { findBusFaults } from '../src/find-faults.ts'
import { provision } from '../src/provision.ts'

test('a bus as the set-up made it has no faults; settings that were changed, gaps and backlogs are told one by one', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t, { callsMaxBytes: 20_000 })
  const [console, gateway] = [await connectAs('console'), await connectAs('gateway')]
  assert.deepEqual(await console.findFaults(), [])

  const admin = await connect({
    servers: server.url,
    user: 'provisioner',
    pass: server.passwords.provisioner,
    inboxPrefix: '_INBOX_provisioner',
  })
  t.after(() => admin.close())
  const jsm = await jetstreamManager(admin)
  await jsm.streams.update('AUDIT', { max_age: 600e9 })
  await jsm.consumers.delete('CALLS', 'policy-voted')
  await jsm.consumers.update('CALLS', 'policy-requested', { max_ack_pending: 1 })
  await gateway.payloads.carry({ text: 'x'.repeat(300 * 1024) })
  await jsm.streams.update('OBJ_payloads', { max_bytes: 400 * 1024 })
  const event = makeEvent('requested', requestedFixture({}, { text: 'x'.repeat(9000) }), { now: new Date() })
  await jsm.streams.update('CALLS', { max_bytes: 12_000 })
  const { seq } = await gateway.store(
    { subject: `calls.default.files.${event.data.callId}.requested`, data: Buffer.from('x'.repeat(9000)), msgId: 'x' },
    Date.now() + 5000,
  )
  assert.equal(seq, 1)
  const faults = await console.findFaults()
  const told = faults.map(({ what, problem }) => `${what}: ${problem}`)
  assert.equal(told.length, 5, told.join('\n'))
  assert.match(told[0]!, /^stream CALLS: \d+ % of its budget is used, so new calls are refused$/)
  assert.equal(told[1], 'stream AUDIT: max_age is 600000000000, but must be 0')
  assert.match(told[2]!, /^object store payloads: \d+ % of its budget is used, so calls with more than 256 KiB of arg/)
  assert.equal(told[3], 'consumer policy-requested: max_ack_pending is 1, but must be 1000')
  assert.equal(told[4], 'consumer policy-voted: is not there: consumer not found')
  assert.ok(faults.every(({ remedy }) => remedy.length > 0))
})

test('R46: a server that hangs is known not to answer, and is asked about everything at once', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t)
  const console = await connectAs('console')
  assert.equal(await console.answers(20_000), true)
  server.process.kill('SIGSTOP')
  // A pong that was on its way already may still come.
  await until(async () => !(await console.answers(100)), 'it hangs')
  const faults = await console.findFaults()
  assert.ok(faults.length > 5, 'each is told')
  for (const { problem } of faults) assert.equal(problem, 'its server does not say how it stands')
  assert.equal(console.connected, true, 'one after the other would have taken so long that the connection is given up')
  server.process.kill('SIGCONT')
  assert.equal(await console.answers(20_000), true)
})

test('more messages than a consumer should have before it are told, those it has not acknowledged among them', async (t) => {
  const { connect: connectAs } = await startTestBus(t)
  const [console, gateway, policy] = await Promise.all([
    connectAs('console'),
    connectAs('gateway'),
    connectAs('policy'),
  ])
  const request = async () => {
    const at = { tenant: 'default', server: 'files', callId: newCallId(Date.now()) }
    const subject = subjects.call(at, 'requested')
    await gateway.store({ subject, data: Buffer.from('{}'), msgId: subject }, Date.now() + 20_000)
  }
  await Promise.all(Array.from({ length: 1000 }, request))
  assert.deepEqual(await console.findFaults(), [], 'as many as it may have')
  await request()
  const found = () =>
    until(async () => {
      const faults = await console.findFaults()
      return faults.length === 2 && faults
    }, 'both consumers that have not read them are told')
  const wanted = ['policy', 'audit'].map((service) => ({
    what: `consumer ${service === 'policy' ? 'policy-requested' : service}`,
    problem: `1001 messages wait for ${service}`,
    remedy: `if that number does not fall, look at the log of ${service}`,
  }))
  assert.deepEqual(await found(), wanted)

  const [hang, started] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const consumption = policy.consume({
    ...{ stream: 'CALLS', consumer: consumers.policyRequested.name, maxInFlight: 10, ackWaitMs: 60_000 },
    onProblem: () => {},
    handler: () => {
      started.resolve()
      return hang.promise
    },
  })
  t.after(() => {
    hang.resolve()
    return consumption.stop()
  })
  await started.promise
  assert.deepEqual(await found(), wanted, 'what was delivered is not done')
})

test('clocks of nats-server and the services that are more than five seconds apart are told', async (t) => {
  const { connect: connectAs, server } = await startTestBus(t)
  const console = await connectAs('console')
  const nc = await connect({
    servers: server.url,
    user: 'console',
    pass: server.passwords.console,
    inboxPrefix: '_INBOX_console',
  })
  t.after(() => nc.close())
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const right = Date.now()
  t.mock.timers.enable({ apis: ['Date'] })
  for (const wrongByMs of [-3_600_000, 3_600_000]) {
    t.mock.timers.setTime(right + wrongByMs)
    const [fault, ...more] = await console.findFaults()
    assert.match(
      fault!.problem,
      /^its clock and that of the services are 3[56]\d\d s apart, so holds expire early or late$/,
    )
    assert.deepEqual([fault!.what, fault!.remedy, more], ['nats-server', 'set all clocks by NTP', []])
  }

  // The server's clock to the millisecond, in an answer that takes twenty seconds.
  const ask = jsm.streams.info.bind(jsm.streams)
  const foundAt = async (theirs: number) => {
    t.mock.timers.setTime(right)
    jsm.streams.info = async (...args) => {
      const info = await ask(...args)
      t.mock.timers.setTime(right + 20_000)
      return { ...info, ts: new Date(right + theirs).toISOString() }
    }
    return (await findBusFaults(jsm, nc.info!)).map(({ problem }) => problem)
  }
  for (const theirs of [-5000, 0, 10_000, 20_000, 25_000]) assert.deepEqual(await foundAt(theirs), [])
  const told = 'its clock and that of the services are 5 s apart, so holds expire early or late'
  for (const theirs of [-5001, 25_001]) assert.deepEqual(await foundAt(theirs), [told])
})

test('a server that is too old is told', async (t) => {
  const { connect: connectAs, server } = await startTestBus(t)
  await connectAs('console')
  const nc = await connect({
    servers: server.url,
    user: 'console',
    pass: server.passwords.console,
    inboxPrefix: '_INBOX_console',
  })
  t.after(() => nc.close())
  const faults = await findBusFaults(await jetstreamManager(nc, { checkAPI: false }), {
    ...nc.info!,
    version: '2.9.10',
  })
  assert.deepEqual(
    faults.map(({ what }) => what),
    ['nats-server'],
  )
  assert.match(faults[0]!.problem, /2\.9\.10 is too old/)
})

test('a server that takes only small messages is told, and not set up', async (t) => {
  const { dir, connect: connectAs, server } = await startTestBus(t)
  const config = join(dir, 'nats-server.conf')
  await writeFile(config, (await readFile(config, 'utf8')).replace(/("?max_payload"?: )\d+/, '$11048576'))
  server.process.kill('SIGHUP')
  const [fault] = await until(async () => {
    const faults = await (await connectAs('console')).findFaults()
    return faults.length > 0 && faults
  }, 'the smaller bound is in force')
  assert.match(fault!.problem, /messages of 1048576 bytes at most/)
  assert.match(fault!.remedy, /max_payload: 8MB/)
  const { provisioner } = server.passwords
  await assert.rejects(provision({ url: server.url, user: 'provisioner', password: provisioner }), /max_payload: 8MB/)
})
