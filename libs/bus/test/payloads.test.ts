import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bus, ContentLost, encode } from '@countersign/bus'
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

/** As if what is stored had been stored an hour ago. */
async function makeOlder(gateway: Bus): Promise<void> {
  const info = (await gateway.readStream(stream, 1, { maxMessages: 100, maxBytes: 2 ** 23 })).at(-1)!
  assert.ok(info.subject.startsWith('$O.payloads.M.'))
  const mtime = new Date(Date.now() - 3600 * 1000).toISOString()
  const older = { ...(JSON.parse(Buffer.from(info.data).toString()) as object), mtime }
  await gateway.store({ subject: info.subject, data: encode(older), msgId: 'older' }, Date.now() + 5000)
}

test('content that will not be had any more is told from what is being stored just now', async (t) => {
  const { gateway, audit, reference } = await stored(t)
  assert.deepEqual(JSON.parse((await audit.payloads.read(reference)).toString()), content)
  await assert.rejects(audit.payloads.read(reference, 1000), isLost(/^has 614411 bytes, more than 1000$/))
  await assert.rejects(audit.payloads.read({ ...reference, ref: 'none' }), isLost(/^is gone$/))
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
  const nc = await connect({
    ...{ servers: server.url, user: 'gateway', pass: server.passwords.gateway },
    inboxPrefix: '_INBOX_gateway',
  })
  t.after(() => nc.close())
  const jsm = await jetstreamManager(nc, { checkAPI: false })
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
