import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { consumers, makeEvent, newCallId, subjects } from '@countersign/contracts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { requestedFixture, startTestBus, type TestBus, until } from '@countersign/testing'
import { connectBus } from '../src/bus.ts'
import { findBusFaults, replicaFaults } from '../src/find-faults.ts'
import { provision } from '../src/provision.ts'
import { findNatsServer } from '../src/server/find-binary.ts'
import { natsServerConfig } from '../src/server/server-config.ts'
import { newPasswords } from '../src/server/start-server.ts'

/** JetStream as whoever sets the bus up has it. */
async function manager(t: TestContext, { url, passwords }: TestBus['server']) {
  const user = 'provisioner'
  const admin = await connect({ servers: url, user, pass: passwords[user], inboxPrefix: '_INBOX_provisioner' })
  t.after(() => admin.close())
  return jetstreamManager(admin)
}

test('a bus as the set-up made it has no faults; settings that were changed, gaps and backlogs are told one by one', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t, { callsMaxBytes: 20_000 })
  const [console, gateway] = [await connectAs('console'), await connectAs('gateway')]
  assert.deepEqual(await console.findFaults(), [])

  const jsm = await manager(t, server)
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

test('R33, R46: a bucket that is missing, or is not as the set-up makes it, is told, with what does not work and what to do', async (t) => {
  const { server, connect: connectAs } = await startTestBus(t)
  const console = await connectAs('console')
  const jsm = await manager(t, server)
  await jsm.streams.update('KV_sessions', { max_age: 0 })
  await jsm.streams.update('KV_exports', { max_msgs_per_subject: 2 })
  const off = await console.findFaults()
  assert.deepEqual(
    off.map(({ what, problem }) => `${what}: ${problem}`),
    [
      'bucket sessions: max_age is 0, but must be 86400000000000',
      'bucket exports: max_msgs_per_subject is 2, but must be 1',
    ],
  )
  assert.match(off[0]!.remedy, /^the set-up leaves a bucket .* as it is: .*nats stream edit KV_sessions /)

  for (const name of ['servers', 'policies', 'sessions', 'exports']) await jsm.streams.delete(`KV_${name}`)
  const gone = await console.findFaults()
  assert.deepEqual(
    gone.map(({ what, problem }) => `${what}: ${problem}`),
    [
      'bucket servers: is not there: stream not found, so no change of a tool server is taken up, and what is started now knows none of them',
      'bucket policies: is not there: stream not found, so audit does not know what to take out of records, and seals nothing',
      'bucket sessions: is not there: stream not found, so clients with sessions, those of older MCP revisions, are refused',
      'bucket exports: is not there: stream not found, so how far exports are is kept nowhere',
    ],
  )
  for (const { remedy } of gone) assert.match(remedy, /^have the set-up make it, on one machine by ending nats-server/)
  // Lifecycle has the pins in memory alone.
  assert.match(gone[0]!.remedy, /a lifecycle that kept running fills it; one that is started now takes every tool/)
  await provision({ url: server.url, user: 'provisioner', password: server.passwords.provisioner })
  assert.deepEqual(await console.findFaults(), [])
})

test('R33: servers that lack what the others keep are told once each, with how many more may go away', () => {
  const second = 1e9
  const peer = (name: string, more = {}) => ({ name, current: true, offline: false, active: second, lag: 0, ...more })
  type Info = Parameters<typeof replicaFaults>[0][number]
  const info = (name: string, replicas: number, ...peers: ReturnType<typeof peer>[]) =>
    ({ config: { name, num_replicas: replicas }, cluster: { leader: 'a', replicas: peers } }) as unknown as Info
  const offline = peer('c', { current: false, offline: true, active: 12 * second, lag: 7 })
  const told = (...infos: Info[]) => replicaFaults(infos).map(({ what, problem }) => `${what} ${problem}`)

  assert.deepEqual(told(), [])
  assert.deepEqual(told({ config: info('CALLS', 1).config }), [], 'one server alone')
  assert.deepEqual(told(info('CALLS', 3, peer('b'), peer('c'))), [])
  // A moment later than the others, as one of three always is.
  assert.deepEqual(told(info('CALLS', 3, peer('b'), peer('c', { current: false, lag: 100 }))), [])
  assert.deepEqual(told(info('CALLS', 3, peer('b'), offline), info('AUDIT', 3, offline, peer('b'))), [
    'nats-server c is offline, last heard of 12 s ago, so there is a copy less of CALLS, AUDIT; when one more server goes away, nothing is stored and calls are refused',
  ])
  const silent = peer('c', { current: false, active: 11 * second })
  assert.deepEqual(told(info('CALLS', 5, peer('b'), silent, peer('d'), peer('e'))), [
    'nats-server c is silent, last heard of 11 s ago, so there is a copy less of CALLS; when 2 more servers go away, nothing is stored and calls are refused',
  ])
  assert.deepEqual(told(info('CALLS', 3, offline, peer('b', { current: false, offline: true, active: 0 }))), [
    'nats-server c is offline, last heard of 12 s ago, so there is a copy less of CALLS; when one more server goes away, nothing is stored and calls are refused',
    'nats-server b is offline, so there is a copy less of CALLS; when one more server goes away, nothing is stored and calls are refused',
  ])
  const behind = (lag: number) => peer('c', { current: false, lag })
  const faults = replicaFaults([info('AUDIT', 3, behind(101)), info('CALLS', 3, behind(4000), peer('b'))])
  assert.deepEqual(
    faults.map(({ what, problem }) => `${what} ${problem}`),
    [
      'nats-server c is behind with AUDIT, CALLS, by up to 4000 operations (CALLS), so what is acknowledged is on fewer servers than it should be',
    ],
  )
  assert.match(faults[0]!.remedy, /end no other server meanwhile/)
})

/** Three servers that keep everything three times, each with a way to end it and to start it. */
async function startCluster(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-cluster-'))
  const [binary, passwords] = [await findNatsServer(), newPasswords()]
  const ports = await Promise.all([1, 2, 3, 4, 5, 6].map(freePort))
  const [clientPorts, clusterPorts] = [ports.slice(0, 3), ports.slice(3)]
  const servers = clientPorts.map((port, index) => {
    let child: ReturnType<typeof spawn> | undefined
    const start = async () => {
      const own = join(dir, `nats-${index}`)
      await mkdir(own, { recursive: true })
      const config = natsServerConfig({
        ...{ name: `nats-${index}`, host: '127.0.0.1', port, storeDir: join(own, 'store'), passwords },
        cluster: {
          ...{ name: 'test', host: '127.0.0.1', port: clusterPorts[index]!, password: 'route' },
          routes: clusterPorts.map((each) => `127.0.0.1:${each}`),
        },
      })
      await writeFile(join(own, 'nats-server.conf'), config, { mode: 0o600 })
      child = spawn(binary, ['--config', join(own, 'nats-server.conf')], { stdio: 'ignore' })
    }
    const end = async (signal: NodeJS.Signals) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    }
    return { start, end }
  })
  t.after(async () => {
    await Promise.all(servers.map(({ end }) => end('SIGKILL')))
    await rm(dir, { recursive: true, force: true })
  })
  await Promise.all(servers.map(({ start }) => start()))
  const url = clientPorts.map((port) => `nats://127.0.0.1:${port}`)
  return { servers, passwords, url }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

test(
  'R33: one of three servers that is away is told with what it lacks, until it is back',
  { timeout: 180_000 },
  async (t) => {
    const buses: { close: () => Promise<void> }[] = []
    t.after(() => Promise.all(buses.map((bus) => bus.close())).then(() => {}))
    const { servers, passwords, url } = await startCluster(t)
    const settings = { url: url.join(), user: 'provisioner', password: passwords.provisioner, replicas: 3 }
    await until(() => provision(settings).then(() => true), 'the servers agree on who leads them', 60_000)
    const console = await connectBus({ url: url.slice(0, 2).join(), user: 'console', password: passwords.console })
    buses.push(console)
    const found = (is: (told: string[]) => boolean, what: string) =>
      until(
        async () => {
          const faults = await console.findFaults()
          return is(faults.map((fault) => `${fault.what} ${fault.problem}`)) && faults
        },
        what,
        60_000,
      )
    const well = () => found((told) => told.length === 0, 'nothing is wrong')
    await well()
    await servers[2]!.end('SIGTERM')
    const kept = 'CALLS, TIMERS, AUDIT, LIFECYCLE, OBJ_payloads, KV_servers, KV_policies, KV_sessions, KV_exports'
    await found(
      ([first, ...more]) =>
        first?.startsWith('nats-server nats-2 is offline') === true &&
        first.includes(`, so there is a copy less of ${kept}; when one more server goes away`) &&
        more.length === 0,
      'it is told once, for all that it keeps',
    )
    await servers[2]!.start()
    await well()
  },
)
