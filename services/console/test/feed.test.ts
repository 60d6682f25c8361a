import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { digestOf } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { readEvents, type ServerSentEvent } from '../src/cli/connect/read-events.ts'
import { type Console, type Person, startConsole } from './console-fixture.ts'

/** Opens the feed as somebody and collects what it says. */
async function follow(t: TestContext, { url, tokens }: Console, who: Person, last?: string) {
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  const headers = { authorization: `Bearer ${tokens[who]}`, ...(last === undefined ? {} : { 'last-event-id': last }) }
  const response = await fetch(`${url}/api/v1/calls/events`, { headers, signal: leaving.signal })
  const heard: ServerSentEvent[] = []
  const ended = (async () => {
    for await (const event of readEvents(response.body!)) heard.push(event)
  })().catch(() => {})
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    heard,
    ended,
    leave: () => leaving.abort(),
    names: () =>
      heard.map(({ event, data }) =>
        event === 'call' ? `${JSON.parse(data).principal} ${JSON.parse(data).event}` : event,
      ),
  }
}

async function heldCall({ policy, request, next }: Console, more: { principal: string; tenant?: string }) {
  const call = await request(more)
  const { reason, decision, groups, quorum, notRequester, expiresAt } = policy.hold({ callId: call.callId, ...more })
  await next(call, 'held', {
    definitionDigest: digestOf({}),
    idempotent: false,
    approval: { groups, quorum, notRequester, expiresAt },
    reason,
    decision,
  })
  return call
}

test('each reader is told of exactly the calls that are theirs to see', async (t) => {
  const console = await startConsole(t)
  const early = await heldCall(console, { principal: 'agent' })
  const [operator, approver, agent, agent2, stranger] = await Promise.all(
    (['operator', 'approver', 'agent', 'agent2', 'stranger'] as const).map((who) => follow(t, console, who)),
  )
  assert.equal(operator!.type, 'text/event-stream')
  const call = await heldCall(console, { principal: 'agent' })
  await console.next(call, 'denied', { reason: { code: 'expired', message: 'nobody came' } })
  await console.next(early, 'denied', { reason: { code: 'rejected', message: 'no' } })
  await console.request({ principal: 'agent2' })
  await console.request({ principal: 'somebody', tenant: 'elsewhere' })
  const agents = ['agent requested', 'agent held', 'agent denied', 'agent denied']
  await until(
    () => operator!.heard.length === 5 && stranger!.heard.length === 1 && agent2!.heard.length === 1,
    'all are told',
  )
  assert.deepEqual(operator!.names(), [...agents, 'agent2 requested'])
  assert.deepEqual(agent!.names(), agents)
  assert.deepEqual(agent2!.names(), ['agent2 requested'])
  assert.deepEqual(stranger!.names(), ['somebody requested'])
  assert.deepEqual(
    approver!.names(),
    ['agent held', 'agent denied', 'agent denied'],
    'held ones, also from before, and how they end',
  )
  const denied = JSON.parse(operator!.heard[2]!.data)
  assert.deepEqual(Object.keys(denied), ['callId', 'event', 'server', 'tool', 'principal', 'time', 'code'])
  assert.equal(denied.code, 'expired')
  assert.match(operator!.heard[2]!.id!, /^\d+$/)
})

test('R12: a reader that comes back goes on where it stopped, without gap or repetition', async (t) => {
  const console = await startConsole(t)
  const first = await follow(t, console, 'operator')
  for (let count = 0; count < 3; count++) await console.request()
  await until(() => first.heard.length === 3, 'three are told')
  first.leave()
  for (let count = 0; count < 450; count++) await console.request()
  const again = await follow(t, console, 'operator', first.heard[1]!.id)
  await console.request()
  await until(() => again.heard.length === 452, 'the rest is told')
  const ids = again.heard.map(({ id }) => Number(id))
  assert.deepEqual(
    ids,
    ids.map((_, place) => Number(first.heard[2]!.id) + place),
  )
  const stale = await follow(t, console, 'operator', '99999')
  await console.request()
  await until(() => stale.heard.length === 1, 'a place of an older stream starts from now')
})

test('the feed runs while there are readers, again when they come back, and there is a bound on them', async (t) => {
  const console = await startConsole(t, { feed: { maxClients: 2 } })
  const readers = [await follow(t, console, 'operator'), await follow(t, console, 'agent')]
  assert.equal(console.feed.size, 2)
  assert.equal((await follow(t, console, 'operator')).status, 503)
  for (const reader of readers) reader.leave()
  await until(() => console.feed.size === 0, 'both have left')
  const again = await follow(t, console, 'operator')
  await console.request()
  await until(() => again.heard.length === 1, 'the feed starts again')
})

test('a feed ends with a reason: the token is taken away, the console stops', async (t) => {
  const console = await startConsole(t, { feed: { heartbeatMs: 20 } })
  const [operator, agent] = [await follow(t, console, 'operator'), await follow(t, console, 'agent')]
  const { readFile, writeFile } = await import('node:fs/promises')
  const { users } = JSON.parse(await readFile(console.usersFile, 'utf8')) as { users: { id: string }[] }
  await writeFile(console.usersFile, JSON.stringify({ users: users.filter(({ id }) => id !== 'agent') }))
  await agent.ended
  assert.equal(JSON.parse(agent.heard.at(-1)!.data).code, 'unauthenticated')
  assert.equal(operator.heard.length, 0)
  await console.feed.stop()
  await operator.ended
  assert.deepEqual(
    operator.heard.map(({ event }) => event),
    ['dropped'],
  )
})
