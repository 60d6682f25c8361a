import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiVerb, subjects } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { connect } from '@nats-io/transport-node'
import { z } from 'zod'
import { subjectCovers } from '../src/subject-covers.ts'

test('I11: what the server pushes to a subject on behalf of a consumer is taken for no request and no hint', async (t) => {
  const bus = await startTestBus(t)
  const [policy, gateway, console] = await Promise.all([
    bus.connect('policy'),
    bus.connect('gateway'),
    bus.connect('console'),
  ])
  const taken: unknown[] = []
  const probe = apiVerb('policy', 'vote', z.looseObject({}), z.object({}))
  policy.serveApi(
    probe,
    (input) => {
      taken.push(input)
      return {}
    },
    () => {},
  )
  gateway.listen(subjects.replies('g1'), (_subject, payload) => taken.push(Buffer.from(payload).toString()))
  // The gateway writes what it likes into its bucket, and may follow it.
  await (await gateway.bucket('sessions')).put('forged', Buffer.from('{"voter":"somebody else"}'))
  const nc = await connect({
    servers: bus.server.url,
    user: 'gateway',
    pass: bus.server.passwords.gateway,
    inboxPrefix: '_INBOX_gateway',
  })
  t.after(() => nc.close())
  const push = async (name: string, deliver: object) => {
    const config = { name, ack_policy: 'none', deliver_policy: 'all', inactive_threshold: 60e9, ...deliver }
    const create = { stream_name: 'KV_sessions', config, action: 'create' }
    await nc.request(`$JS.API.CONSUMER.CREATE.KV_sessions.${name}`, JSON.stringify(create))
    await until(async () => {
      const info = await nc.request(`$JS.API.CONSUMER.INFO.KV_sessions.${name}`)
      return info.json<{ delivered: { consumer_seq: number } }>().delivered.consumer_seq > 0
    }, `the server has delivered for ${name}`)
  }
  await push('vote', { deliver_subject: subjects.api('policy', 'vote'), deliver_group: 'policy' })
  await push('hint', { deliver_subject: subjects.replies('g1') })
  // Behind what was pushed, in the order of each connection.
  await console.callApi(probe, { real: true })
  policy.hint(subjects.replies('g1'), Buffer.from('real'))
  await until(() => taken.includes('real'), 'the real ones came')
  assert.deepEqual(taken, [{ real: true }, 'real'])
})

test('a subject is covered by patterns as NATS matches them', () => {
  const matching = ['a.b.c', 'a.*.c', 'a.>', '>', '*.*.*']
  const others = ['a.b', 'a.*', 'a.b.c.>', 'a.b.c.d', 'b.>', '*']
  for (const pattern of matching) assert.ok(subjectCovers(pattern, 'a.b.c'), pattern)
  for (const pattern of others) assert.ok(!subjectCovers(pattern, 'a.b.c'), pattern)
})

test('a hint that its reader cannot read ends nothing: what comes after it on the same connection is heard', async (t) => {
  const { connect: connectAs } = await startTestBus(t)
  const [gateway, policy] = await Promise.all([connectAs('gateway'), connectAs('policy')])
  const heard: string[] = []
  gateway.listen(subjects.replies('g1'), (_subject, payload) =>
    heard.push(String(JSON.parse(Buffer.from(payload).toString()))),
  )
  await gateway.answers(5000)
  policy.hint(subjects.replies('g1'), Buffer.from('no JSON'))
  policy.hint(subjects.replies('g1'), Buffer.from('"and on"'))
  await until(() => heard.length === 1, 'the second is heard')
  assert.deepEqual(heard, ['and on'])
})
