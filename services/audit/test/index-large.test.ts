import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CallEventData,
  callFieldsOf,
  type CallStory,
  type SealedRecord,
  subjects,
  verbs,
} from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { serveQueries } from '../src/query/serve-queries.ts'
import { tellStory } from '../src/query/tell-story.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { makeRecord } from '../src/record/make-record.ts'
import { calls as callSource } from '../src/record/record-source.ts'
import { indexHome, type IndexHome, recordsOf, type TestEvent } from './index-fixture.ts'
import { indexed } from './indexed.ts'

const mib = 1024 * 1024
const call = 'ann/files/read'
const other = 'bob/files/write'
const read = (text: string) => readSealed(text)
/** As other clocks write them. */
const nanoseconds = '2026-11-22T10:00:00.123456789Z'

/** An answer that an event's data takes so many bytes of, all of them in characters of three bytes or escaped ones. */
function resultOf(bytes: number) {
  const [piece, pieceBytes] = [`${'日本語'.repeat(10)}\u0000"\n`, 90 + 6 + 2 + 2]
  return { result: { inline: { text: piece.repeat(Math.floor(bytes / pieceBytes)) } } }
}

/** The record of an event whose result travelled by reference. */
function succeeded(at: CallEventData<'requested'>, seq: number, result: string) {
  const data = { ...callFieldsOf(at), result: { stored: { ref: 'x', digest: `sha256:${'a'.repeat(64)}`, size: 1 } } }
  const event = { id: `${at.callId}.${seq}`, type: 'succeeded', source: '/services/gateway', time: nanoseconds, data }
  const message = { subject: subjects.call(at, 'succeeded'), data: Buffer.from(JSON.stringify(event)), seq }
  const place = { created: '2026-11-22T09:00:00Z', previous: seq - 1 }
  return makeRecord(callSource, { ...message, storedAt: new Date() }, place, {}, [{ part: 'result', text: result }])
}

test('R15, R20, R22: however large records are', { timeout: 180_000 }, async (t) => {
  const made = await indexHome(t, 'embedded')
  assert.ok(!('none' in made))
  const home: IndexHome = made

  await t.test('a story has every record of its call, whatever content they have', async (t) => {
    t.after(() => home.idle())
    const events: TestEvent[] = [{ call, event: 'requested' }]
    for (let attempt = 1; attempt <= 1200; attempt++) {
      events.push({ call, event: 'dispatched', data: attempt % 50 === 0 ? resultOf(mib / 4) : {} })
    }
    events.push({ call: other, event: 'requested' }, { call, event: 'succeeded', data: { toolError: false } })
    const { story, calls, log, reach } = await indexed(t, home, events)
    const { callId } = calls.get(call)!
    const told = await story(callId)
    assert.deepEqual([told.steps.length, told.outcome?.status], [1202, 'succeeded'])
    assert.deepEqual([told.steps.at(-1)!.index, told.indexed, told.size], [1202, 1203, 1203])
    assert.ok(Buffer.byteLength(JSON.stringify(told)) < mib, 'no content is told')

    const limited = async (limits: object) =>
      tellStory(
        await reach(),
        { log: log.tree('default'), read },
        { tenant: 'default', callId },
        { maxBytes: 6 * mib, readingMs: 8000, now: () => 0, ...limits },
      )
    // As far as there is room; then it says which record is the next.
    const short = await limited({ maxBytes: 20_000 })
    assert.ok(short.steps.length > 10 && short.steps.length < 200, String(short.steps.length))
    assert.deepEqual([short.indexed, short.size, short.outcome], [short.steps.length, 1203, undefined])
    assert.equal((await limited({ maxBytes: 1 })).steps.length, 1)
    let nowMs = 0
    const late = await limited({ readingMs: 100, now: () => (nowMs += 30) })
    assert.deepEqual([late.steps.length, late.indexed], [4, 4])
  })

  await t.test('answers on the bus fit into a message, and pages have every record once', async (t) => {
    const { connect } = await startTestBus(t)
    const [bus, console] = [await connect('audit'), await connect('console')]
    const events: TestEvent[] = [{ call, event: 'requested' }]
    // By their characters, more of these fit than there is room for.
    for (let place = 0; place < 20; place++) events.push({ call, event: 'dispatched', data: resultOf(0.7 * mib) })
    const { calls, log, index, reach } = await indexed(t, home, events)
    const large = JSON.stringify(resultOf(6 * mib - 2000).result.inline)
    await log.append([
      succeeded(calls.get(call)!, events.length + 1, large),
      ...recordsOf([{ call: other, event: 'requested' }], events.length + 2).records,
    ])
    await reach()
    const defects: unknown[] = []
    const { stop } = serveQueries(bus, log, index, read, {
      ...{ platformTenant: 'default', problem: () => undefined, faults: () => [] },
      ...{ witnessed: () => undefined, exporting: () => undefined, onDefect: (error) => void defects.push(error) },
    })
    t.after(stop)
    const serves = () => console.callApi(verbs.audit.status, { tenant: 'default' }).catch(() => false)
    await until(serves, 'audit answers')
    const found: SealedRecord[] = []
    for (let before: number | null | undefined; before !== null;) {
      const query = { tenant: 'default', limit: 1000, ...(before === undefined ? {} : { before }) }
      const page = await console.callApi(verbs.audit.records, query, 30_000)
      assert.ok(page.records.length > 0, 'a page has one at least')
      found.push(...page.records)
      before = page.next
    }
    assert.deepEqual(
      found.map(({ index }) => index),
      Array.from({ length: 23 }, (_, place) => 22 - place),
    )
    const { result } = found[1]!.record.cloudEvent['data'] as ReturnType<typeof resultOf>
    assert.equal(JSON.stringify(result.inline), large)
    const { callId } = calls.get(call)!
    const told: CallStory = await console.callApi(verbs.audit.story, { tenant: 'default', callId }, 30_000)
    assert.deepEqual([told.steps.length, told.indexed, told.steps.at(-1)!.time], [22, 23, nanoseconds])
    assert.equal(found[1]!.record.time, nanoseconds)
    assert.deepEqual(defects, [])
  })
})
