import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, type Json, type JsonObject, redactedMark, sha256 } from '@countersign/contracts'
import { type Cleanup, startTestBus } from '@countersign/testing'
import { defaultPersonalRules } from '../src/record/encrypt/personal-rules.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { Redactor } from '../src/record/redact/redactor.ts'
import { calls } from '../src/record/record-source.ts'
import { sealAll, type SealOptions } from '../src/record/seal.ts'
import { fetchContents, type LostContent } from '../src/record/stored-content.ts'
import { StreamEpoch } from '../src/record/stream-epoch.ts'
import { auditFolder, openTestLog, readLog } from './harness.ts'
import { largeCallWriter, longText } from './large-calls.ts'
import { personalKeys } from './personal.ts'

/** What sealing works with, in this process. */
async function sealer(t: Cleanup, more: Partial<SealOptions> = {}) {
  const testBus = await startTestBus(t)
  const [bus, writer] = await Promise.all([testBus.connect('audit'), largeCallWriter(testBus)])
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const lost: LostContent[] = []
  const options: SealOptions = {
    ...{ source: calls, bus, epoch: new StreamEpoch(bus, log, 'CALLS') },
    append: (records) => log.append(records),
    onSealed() {},
    onGap: (gap) => assert.fail(JSON.stringify(gap)),
    onLost: (each) => lost.push(each),
    ...more,
  }
  const sealed = async () => (await readLog(log)).map(({ record }) => record)
  return { bus, writer, log, lost, options, sealed }
}

const dataOf = ({ cloudEvent }: { cloudEvent: JsonObject }) => cloudEvent['data'] as JsonObject
const large = { secret: 'hunter2', text: longText('zebra4711', 300) }

test('I8: what an event only names is sealed in its place, in every event of the call', async (t) => {
  const { writer, options, sealed, lost } = await sealer(t)
  const at = await writer.request(large)
  assert.ok('stored' in at.arguments)
  const result = { content: [{ type: 'text', text: longText('okapi', 400) }] }
  await writer.answer(at, result)
  await sealAll(options)
  const records = await sealed()
  assert.deepEqual(
    records.map(({ event, cloudEvent }) => {
      const { arguments: asked, result: answered } = dataOf({ cloudEvent })
      return [event, asked, answered]
    }),
    [
      ['requested', { inline: large }, undefined],
      ['allowed', { inline: large }, undefined],
      ['dispatched', undefined, undefined],
      ['succeeded', undefined, { inline: result }],
    ],
  )
  assert.ok(records[0]!.content && records[0]!.what?.digest === at.digest)
  assert.deepEqual(lost, [])
})

test('R24: what is redacted is taken out of content that an event only names', async (t) => {
  const rules = [{ servers: ['*'], in: 'arguments' as const, path: '$.secret' }]
  const redactor = new Redactor(rules, Buffer.alloc(32, 7))
  const { writer, options, sealed } = await sealer(t, { redactor: () => Promise.resolve(redactor) })
  await writer.request(large)
  await sealAll(options)
  const [record] = await sealed()
  assert.deepEqual(dataOf(record!)['arguments'], { inline: { ...large, secret: redactedMark } })
  assert.deepEqual(
    record!.redactions!.map(({ path }) => path),
    ['/data/arguments/inline/secret'],
  )
})

test('R28: content that an event only names is encrypted, opens, and is gone with its key', async (t) => {
  const { keys, encryptor, erase } = await personalKeys(t)
  const { writer, options, log } = await sealer(t, { encryptor: encryptor(defaultPersonalRules) })
  await writer.request(large, { principal: 'ann' })
  await sealAll(options)
  const { text } = (await log.tree('default').read(0, 1))[0]!
  assert.ok(!text.includes('hunter2') && !text.includes('zebra4711'))
  const opened = () => dataOf(readSealed(text, keys).record)['arguments']
  assert.deepEqual(opened(), { inline: large })
  assert.equal(erase('ann'), 1)
  assert.deepEqual(opened(), { inline: '[erased]' })
})

test('I8: of content that is gone, or is something else, the reference is sealed, and that is told once', async (t) => {
  const { writer, options, sealed, lost } = await sealer(t)
  const named = (digest: string) => ({ stored: { ref: digest, digest, size: 300_000 } })
  const none = named(sha256('nothing'))
  const { carried } = await writer.gateway.payloads.carry(large)
  assert.ok('stored' in carried)
  const { digest } = carried.stored
  const other = { stored: { ...carried.stored, digest: sha256('other') } }
  await writer.requestCarried(none, { digest: sha256('nothing') })
  await writer.requestCarried(other, { digest })
  // The event says another digest, which is what everybody went by.
  await writer.requestCarried(carried, { digest: sha256('approved') })
  // Whoever executes it takes what is inside.
  const both = { ...carried, inline: { path: '/etc/shadow' } }
  await writer.requestCarried(both, { digest })
  // What a tool's arguments say of themselves is not followed.
  await writer.request({ arguments: carried, stored: carried.stored })
  // The first append fails, so all of it is sealed again.
  let failing = true
  const append: SealOptions['append'] = (records) => {
    if (!failing) return options.append(records)
    failing = false
    return Promise.reject(new Error('no space'))
  }
  await assert.rejects(sealAll({ ...options, append }), /no space/)
  await sealAll(options)
  assert.deepEqual(
    (await sealed()).map((record) => dataOf(record)['arguments']),
    [none, other, carried, both, { inline: { arguments: carried, stored: carried.stored } }],
  )
  assert.deepEqual(lost, [
    { seq: 1, part: 'arguments', why: 'is gone' },
    { seq: 2, part: 'arguments', why: 'is named by another digest than its event has' },
    { seq: 3, part: 'arguments', why: 'is named by another digest than its event has' },
  ])
})

test('R28: of content that is gone no digest is sealed that could be guessed at, also where only a part of it is personal', async (t) => {
  const { keys, encryptor, erase } = await personalKeys(t)
  const rules = (['arguments', 'result'] as const).map((part) => ({ servers: ['*'], in: part, path: '$.secret' }))
  const { writer, options, log } = await sealer(t, { encryptor: encryptor(rules) })
  const digest = sha256('gone')
  const carried = { stored: { ref: digest, digest, size: 300_000 } }
  const at = await writer.requestCarried(carried, { digest, principal: 'ann' })
  await writer.store(at, 'succeeded', { result: carried, resultDigest: digest })
  await sealAll(options)
  const texts = (await log.tree('default').read(0, 2)).map(({ text }) => text)
  for (const text of texts) assert.ok(!text.includes(digest))
  const opened = () => texts.map((text) => dataOf(readSealed(text, keys).record))
  assert.deepEqual([opened()[0]!['arguments'], opened()[1]!['result']], [carried, carried])
  erase('ann')
  const erased = { stored: { ref: '[erased]', digest: '[erased]', size: 300_000 } }
  assert.deepEqual([opened()[0]!['arguments'], opened()[1]!['result']], [erased, erased])
})

test('I8: content that has no canonical form is not sealed, and text that only looks like a reference names nothing', async () => {
  const digest = sha256('r')
  const stored = { ref: digest, digest, size: 1 }
  const asked: string[] = []
  const fetched = (text: string | Uint8Array, event: Json = { data: { digest, arguments: { stored } } }) => {
    const read = ({ ref }: { ref: string }) => Promise.resolve(Buffer.from((asked.push(ref), text)))
    return fetchContents({ read }, { data: Buffer.from(JSON.stringify(event)), seq: 7 })
  }
  assert.deepEqual(await fetched('{"a":1}'), { contents: [{ part: 'arguments', text: '{"a":1}' }], lost: [] })
  const why = 'is no JSON object in its canonical form'
  for (const bad of [
    '{ "a":1}',
    '{"b":1,"a":1}',
    '[1]',
    '{"a":"\\ud800"}',
    '{"a":1e2}',
    '{',
    Uint8Array.of(0x22, 0xff, 0x22),
  ])
    assert.deepEqual(await fetched(bad), { contents: [], lost: [{ seq: 7, part: 'arguments', why }] })
  asked.length = 0
  for (const none of [
    { data: { stored } },
    { stored },
    { data: { result: { stored: 'r' } } },
    { data: 'x', s: '"stored"' },
    1,
  ])
    assert.deepEqual(await fetched('{}', none), { contents: [], lost: [] })
  assert.deepEqual(asked, [])
})

test('I8: while content cannot be had, its event and all after it wait; then it is sealed whole', async (t) => {
  const { bus, writer, options, sealed, lost } = await sealer(t)
  for (const args of [{ n: 1 }, large, { n: 3 }]) await writer.request(args)
  const away = new CountersignError('store_unavailable', 'the store does not answer')
  const without = { readStream: bus.readStream.bind(bus), payloads: { read: () => Promise.reject(away) } }
  for (let round = 0; round < 2; round++) {
    await assert.rejects(sealAll({ ...options, bus: without }), { code: 'store_unavailable' })
    assert.deepEqual(
      (await sealed()).map(({ stream }) => stream.seq),
      [1],
    )
  }
  await sealAll(options)
  assert.deepEqual(
    (await sealed()).map((record) => dataOf(record)['arguments']),
    [{ inline: { n: 1 } }, { inline: large }, { inline: { n: 3 } }],
  )
  assert.deepEqual(lost, [])
})
