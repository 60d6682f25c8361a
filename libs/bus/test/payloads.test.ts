import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bus, ContentLost } from '@countersign/bus'
import type { NatsServer } from '@countersign/bus/server'
import { sha256 } from '@countersign/contracts'
import { type Cleanup, startTestBus } from '@countersign/testing'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Payloads } from '../src/payloads.ts'

const stream = 'OBJ_payloads' as 'CALLS'
const content = { text: '€'.repeat(200 * 1024) }
const size = 614_411
const isLost = (why: RegExp) => (error: unknown) => error instanceof ContentLost && why.test(error.why)

/** Content that is stored, and somebody who reads it. */
async function stored(t: Cleanup) {
  const { server, connect: connectAs } = await startTestBus(t)
  const [gateway, audit] = await Promise.all([connectAs('gateway'), connectAs('audit')])
  const { carried } = await gateway.payloads.carry(content)
  assert.ok('stored' in carried)
  return { server, gateway, audit, reference: carried.stored }
}

/** Describes what is stored in another way. */
async function describe(gateway: Bus, more: object | null): Promise<void> {
  const all = await gateway.readStream(stream, 1, { maxMessages: 100, maxBytes: 2 ** 23 })
  const info = all.findLast(({ subject }) => subject.startsWith('$O.payloads.M.'))!
  const described = more && { ...(JSON.parse(Buffer.from(info.data).toString()) as object), ...more }
  const [data, msgId] = [Buffer.from(JSON.stringify(described)), crypto.randomUUID()]
  await gateway.store({ subject: info.subject, data, msgId }, Date.now() + 5000)
}

/** As if what is stored had been stored an hour ago. */
function makeOlder(gateway: Bus): Promise<void> {
  return describe(gateway, { mtime: new Date(Date.now() - 3600 * 1000).toISOString() })
}

/** The store as one program sees it, over a connection of its own. */
async function ownPayloads(t: Cleanup, server: NatsServer, now?: () => number) {
  const nc = await connect({
    ...{ servers: server.url, user: 'gateway', pass: server.passwords.gateway },
    inboxPrefix: '_INBOX_gateway',
  })
  t.after(() => nc.close())
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  return { jsm, payloads: new Payloads(jsm.jetstream(), jsm, now) }
}

test('content that will not be had any more is told from what is being stored just now', async (t) => {
  const { gateway, audit, reference } = await stored(t)
  assert.deepEqual(JSON.parse((await audit.payloads.read(reference)).toString()), content)
  await assert.rejects(audit.payloads.read(reference, 1000), isLost(/^has 614411 bytes, more than 1000$/))
  await assert.rejects(audit.payloads.read({ ...reference, ref: sha256('none') }), isLost(/^is gone$/))
  // A name that the client cannot ask for.
  await assert.rejects(
    audit.payloads.read({ ...reference, ref: '€' }),
    isLost(/^has a name that nothing is stored under$/),
  )
  await assert.rejects(
    audit.payloads.read({ ...reference, digest: sha256('') }),
    isLost(/^is not what its digest says$/),
  )
  await makeOlder(gateway)
  assert.equal((await audit.payloads.read(reference)).length, size)
  await gateway.purge(stream, { filter: '$O.payloads.C.>' })
  await assert.rejects(audit.payloads.read(reference), isLost(/^has lost a part$/))
})

test('what a server that is behind does not have is asked of the one that leads, before it counts as lost', async (t) => {
  const { server, gateway, reference } = await stored(t)
  const { jsm } = await ownPayloads(t, server)
  const behind = {
    async getBatch() {
      return Object.assign((async function* () {})(), { stop() {} })
    },
  }
  const asked = new Proxy(jsm, { get: (of, name) => (name === 'direct' ? behind : Reflect.get(of, name)) as unknown })
  const payloads = new Payloads(jsm.jetstream(), asked)
  await assert.rejects(payloads.read(reference), { code: 'store_unavailable', message: /not whole just now/ })
  await makeOlder(gateway)
  assert.deepEqual(await payloads.fetch({ stored: reference }), content)
  await gateway.purge(stream, { filter: '$O.payloads.C.>', keep: 1 })
  await assert.rejects(payloads.read(reference), isLost(/^has lost a part$/))
})

test('whatever describes an object, reading it ends, and reads no more than there should be', async (t) => {
  const { gateway, audit, reference } = await stored(t)
  const [, , second] = await Promise.all([1, 2, 3].map((n) => gateway.payloads.carry({ ...content, n })))
  assert.ok(second && 'stored' in second.carried)
  const wrong: [object | null, RegExp][] = [
    [{ nuid: '>', chunks: 1e9, size: 10 }, /^is described in a way/],
    [{ nuid: 7 }, /^is described in a way/],
    [{ chunks: 1.5 }, /^is described in a way/],
    [{ chunks: 1e30 }, /^is described in a way/],
    [null, /^is described in a way/],
  ]
  // The object described last is the one that is read.
  const all = await gateway.readStream(stream, 1, { maxMessages: 100, maxBytes: 2 ** 24 })
  const newest = JSON.parse(
    Buffer.from(all.findLast(({ subject }) => subject.startsWith('$O.payloads.M.'))!.data).toString(),
  ) as { name: string }
  const ref = { ...reference, ref: newest.name, digest: newest.name }
  for (const [more, why] of wrong.slice(0, -1)) {
    await describe(gateway, { ...newest, ...more })
    await assert.rejects(audit.payloads.read(ref), isLost(why), JSON.stringify(more))
  }
  await describe(gateway, wrong.at(-1)![0])
  await assert.rejects(audit.payloads.read(ref), isLost(wrong.at(-1)![1]))
})

test('what a clock that is ahead says was stored just now is lost after a minute, too', async (t) => {
  const { server, gateway, reference } = await stored(t)
  let now = 0
  const { payloads } = await ownPayloads(t, server, () => now)
  for (const mtime of ['2099-01-01T00:00:00.000Z', 'soon']) {
    now += 1_000_000
    await gateway.payloads.carry(content)
    await describe(gateway, { mtime })
    await gateway.purge(stream, { filter: '$O.payloads.C.>' })
    await assert.rejects(payloads.read(reference), {
      code: 'store_unavailable',
      message: /^stored content is not whole just now/,
    })
    now += 59_000
    await assert.rejects(payloads.read(reference), { code: 'store_unavailable' })
    now += 2000
    await assert.rejects(payloads.read(reference), isLost(/^has lost a part$/))
  }
})

test('content whose chunks are gone is stored again, however new its description is', async (t) => {
  const { gateway, audit, reference } = await stored(t)
  await gateway.purge(stream, { filter: '$O.payloads.C.>' })
  await gateway.payloads.carry(content)
  assert.equal((await audit.payloads.read(reference)).length, size)
})
