import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from '../digest.ts'
import type { Json } from '../json.ts'
import { makeActivityEvent } from './envelope.ts'

test('R23: whatever text an activity tells has a canonical form, so that its record can be read', () => {
  const half = '\u{1f600}'.slice(0, 1)
  const event = makeActivityEvent(
    'access_refused',
    {
      ...{ tenant: 'default', resource: { type: 'api', name: `GET ${half}` }, by: `ann${half}`, code: 'forbidden' },
      ...{ count: 1, since: '2026-11-22T10:00:00Z', until: '2026-11-22T10:00:00Z' },
      ...{ addresses: [{ address: half, count: 1 }], targets: [half, '\u{1f600}'] },
    },
    { now: new Date() },
  )
  canonicalJson(event as unknown as Json)
  assert.equal(event.subject, 'GET \ufffd')
  assert.equal(event.data.by, 'ann\ufffd')
  assert.deepEqual(event.data.targets, ['\ufffd', '\u{1f600}'])
})
