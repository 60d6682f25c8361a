import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { CallNotice } from './call-notice.ts'
import { LiveClient } from './live-client.ts'

const viewer = { id: 'operator', tenant: 'default', groups: ['operators'] }
const notice = (seq: number): CallNotice => ({
  seq,
  tenant: 'default',
  approverGroups: [],
  news: {
    callId: 'x',
    event: 'requested',
    server: 'files',
    tool: 'read',
    principal: 'agent',
    time: '2026-01-01T00:00:00Z',
  },
})

test('a reader that does not read is dropped with a last event saying so', async () => {
  const out = new PassThrough({ highWaterMark: 1 })
  const client = new LiveClient(viewer, out, 2000)
  client.goLive()
  for (let seq = 1; seq <= 1000; seq++) client.hear(notice(seq))
  assert.equal(client.ended, true)
  assert.ok(out.writableLength < 3000, 'what waits for it is bounded')
  const told = await text(out)
  assert.ok(told.endsWith('\n\n'))
  const [last] = told.trim().split('\n\n').slice(-1)
  assert.match(last!, /^event: dropped\ndata: {"code":"overloaded"/)
})

test('what happens during the replay is told after it, once', async () => {
  const out = new PassThrough()
  const client = new LiveClient(viewer, out, 1_000_000)
  for (const seq of [3, 4, 5]) client.hear(notice(seq))
  for (const seq of [1, 2, 3, 4]) client.tell(notice(seq))
  client.goLive()
  client.hear(notice(6))
  out.end()
  const ids = [...(await text(out)).matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  assert.deepEqual(ids, [1, 2, 3, 4, 5, 6])
})
