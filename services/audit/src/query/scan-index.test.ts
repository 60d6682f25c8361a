import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AuditQuery,
  type CallAddress,
  callFieldsOf,
  callIdFromKey,
  CallView,
  newCallId,
  SealedRecord,
  subjects,
} from '@countersign/contracts'
import { type Cleanup, requestedFixture } from '@countersign/testing'
import { auditFolder, openTestLog } from '../../test/harness.ts'
import { makeRecord } from '../record/make-record.ts'
import { calls as callSource } from '../record/record-source.ts'
import { ScanIndex, type ScanBounds } from './scan-index.ts'

const begun = Date.parse('2026-11-22T10:00:00Z')
const ask = (query: Partial<AuditQuery> = {}) => AuditQuery.parse({ tenant: 'default', ...query })

/** A log of calls whose events interleave: each is `[call, event]`, one second apart. */
async function logOf(t: Cleanup, events: [string, string][], bounds: Partial<ScanBounds> = {}) {
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const calls = new Map<string, ReturnType<typeof requestedFixture>>()
  const states = new Map<string, string>()
  const records = events.map(([name, event], place) => {
    const storedAt = new Date(begun + place * 1000)
    const [principal = '', server = '', tool = ''] = name.replace('!', '').split('/')
    const callId = name.endsWith('!') ? callIdFromKey('default', principal, name) : newCallId(storedAt.getTime())
    const data = calls.get(name) ?? requestedFixture({ callId, principal, server, tool })
    calls.set(name, data)
    states.set(data.callId, event)
    const more =
      event === 'denied'
        ? { reason: { code: 'policy', message: 'no' } }
        : event === 'failed'
          ? { error: { code: 'timeout', message: '' } }
          : {}
    const cloudEvent = { id: `${callId}.${event}`, type: event, data: { ...callFieldsOf(data), ...more } }
    const bytes = Buffer.from(JSON.stringify(cloudEvent))
    return makeRecord(
      callSource,
      { subject: subjects.call(data, event), data: bytes, seq: place + 1, storedAt },
      { created: '2026-11-22T09:00:00Z', previous: place },
    )
  })
  await log.append(records)
  const ended = new Set(['denied', 'succeeded', 'failed', 'cancelled', 'resolved'])
  const stateOf = async ({ callId }: CallAddress) => (ended.has(states.get(callId)!) ? undefined : states.get(callId))
  return { log, calls, index: new ScanIndex(log, stateOf, bounds) }
}

const sample: [string, string][] = [
  ['ann/files/read', 'requested'],
  ['bob/files/write', 'requested'],
  ['bob/files/write', 'held'],
  ['ann/files/read', 'allowed'],
  ['ann/files/read', 'dispatched'],
  ['ann/web/get!', 'requested'],
  ['ann/files/read', 'succeeded'],
  ['ann/web/get!', 'denied'],
  ['eve/web/get', 'requested'],
  ['eve/web/get', 'allowed'],
  ['eve/web/get', 'dispatched'],
  ['eve/web/get', 'failed'],
  ['bob/files/write', 'voted'],
]

test('R11: records are found by every filter, newest first', async (t) => {
  const { index, calls } = await logOf(t, sample)
  const found = async (query: Partial<AuditQuery>) => {
    const { records, next } = await index.records(ask(query))
    assert.equal(next, null)
    for (const record of records) SealedRecord.parse(record)
    return records.map(({ index: place }) => place)
  }
  assert.deepEqual(await found({}), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  assert.deepEqual(await found({ callId: calls.get('ann/files/read')!.callId }), [6, 4, 3, 0])
  assert.deepEqual(await found({ principal: 'ann', server: 'web' }), [7, 5])
  assert.deepEqual(await found({ tool: 'get', outcome: 'requested' }), [8, 5])
  assert.deepEqual(await found({ outcome: 'denied' }), [7])
  assert.deepEqual(await found({ since: '2026-11-22T10:00:03Z', until: '2026-11-22T10:00:05.000Z' }), [5, 4, 3])
  assert.deepEqual(await found({ tenant: 'other' }), [])
  assert.deepEqual(await found({ before: 2 }), [1, 0])
  assert.deepEqual(await found({ callId: newCallId(begun + 86_400_000) }), [])
})

test('pages of records add up to the whole, also when a scan is cut short or an answer grows large', async (t) => {
  for (const bounds of [{}, { maxScanned: 3 }, { maxBytes: 900 }]) {
    const { index } = await logOf(t, sample, bounds)
    const all: number[] = []
    for (let before: number | null | undefined; before !== null;) {
      const page = await index.records(ask({ principal: 'bob', limit: 2, ...(before === undefined ? {} : { before }) }))
      assert.ok(page.records.length <= 2)
      all.push(...page.records.map(({ index: place }) => place))
      before = page.next
    }
    assert.deepEqual(all, [12, 2, 1])
  }
})

test('a call is one row with its newest state, its code and when it was requested', async (t) => {
  const { index, calls } = await logOf(t, sample)
  const rows = (await index.calls(ask())).calls.map((row) => CallView.parse(row))
  assert.deepEqual(
    rows.map(({ principal, tool, state, code }) => [principal, tool, state, code]),
    [
      ['bob', 'write', 'voted', undefined],
      ['eve', 'get', 'failed', 'timeout'],
      ['ann', 'get', 'denied', 'policy'],
      ['ann', 'read', 'succeeded', undefined],
    ],
  )
  assert.equal(rows[0]!.requestedAt, new Date(begun + 1000).toISOString())
  assert.equal(rows[2]!.requestedAt, new Date(begun + 5000).toISOString())
  assert.equal(rows[0]!.updatedAt, new Date(begun + 12_000).toISOString())
  assert.equal(rows[0]!.callId, calls.get('bob/files/write')!.callId)
  const held = (await index.calls(ask({ outcome: 'held' }))).calls
  assert.deepEqual(
    held.map(({ principal, state }) => [principal, state]),
    [['bob', 'voted']],
  )
  const allowed = (await index.calls(ask({ outcome: 'allowed' }))).calls
  assert.deepEqual(
    allowed.map(({ state, code }) => [state, code]),
    [
      ['failed', 'timeout'],
      ['succeeded', undefined],
    ],
  )
})

test('pages of calls hold each call once, with its newest state, wherever a page begins', async (t) => {
  // Calls that are open for long, so that every page begins in the middle of many of them.
  const events: [string, string][] = []
  for (let place = 0; place < 60; place++) {
    events.push([`p${place}/files/read`, 'requested'])
    if (place >= 9) events.push([`p${place - 9}/files/read`, 'allowed'])
    if (place >= 14 && place % 3 > 0) events.push([`p${place - 14}/files/read`, place % 3 === 1 ? 'denied' : 'held'])
  }
  const newest = new Map(events.map(([name, event]) => [name.split('/')[0], event]))
  for (const bounds of [{}, { overlap: 3 }, { overlap: 0, maxScanned: 7 }]) {
    const { index } = await logOf(t, events, bounds)
    const rows: CallView[] = []
    for (let before: number | null | undefined; before !== null;) {
      const page = await index.calls(ask({ limit: 4, ...(before === undefined ? {} : { before }) }))
      assert.ok(page.calls.length <= 4)
      rows.push(...page.calls)
      before = page.next
    }
    assert.equal(rows.length, 60)
    assert.deepEqual(new Map(rows.map(({ principal, state }) => [principal, state])), new Map(newest))
  }
})
