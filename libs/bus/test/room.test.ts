import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fill, Room, roomFor } from '../src/room.ts'

const full = { code: 'store_full' }

test('I5, I7: what ends a call has room when what begins or goes on with one has none left', async () => {
  const fill = { bytes: 0, maxBytes: 1000 }
  let now = 0
  const room = new Room(
    async () => fill,
    () => now,
  )
  for (const [bytes, requested, allowed] of [
    [300, true, true],
    [500, false, true],
    [700, false, false],
    [990, false, false],
  ] as const) {
    fill.bytes = bytes
    now += 10_000
    for (const [name, taken] of [
      ['requested', requested],
      ['allowed', allowed],
      ['denied', true],
      ['succeeded', true],
    ] as const) {
      const take = room.take(name, 10)
      if (taken) await take
      else await assert.rejects(take, full, `${name} at ${bytes}`)
    }
  }
  assert.deepEqual([roomFor('requested'), roomFor('voted'), roomFor('unknown')], [0.4, 0.6, 1])
})

test('what was published since the server was asked counts, and is forgotten when it is asked again', async () => {
  let now = 0
  let asked = 0
  const room = new Room(
    async () => {
      asked += 1
      return { bytes: 0, maxBytes: 1000 }
    },
    () => now,
  )
  for (let count = 0; count < 4; count++) (await room.take('requested', 100))()
  await assert.rejects(room.take('requested', 100), full)
  assert.equal(asked, 1)
  now += 300
  await assert.rejects(room.take('requested', 100), full, 'asked beside the publish, not before it')
  await room.take('requested', 100)
  assert.equal(asked, 2)
})

test('what is still on its way when the server is asked is not in its answer, and goes on counting', async () => {
  let now = 0
  let stored = 0
  const answers: ((fill: Fill) => void)[] = []
  const room = new Room(
    () => new Promise((resolve) => answers.push(resolve)),
    () => now,
  )
  const first = room.take('requested', 100)
  answers[0]!({ bytes: stored, maxBytes: 1000 })
  const settled = [await first]
  for (let count = 0; count < 3; count++) settled.push(await room.take('requested', 100))
  settled.shift()!()
  stored = 100
  now += 300
  await assert.rejects(room.take('requested', 100), full, 'asks the server')
  settled.shift()!()
  answers[1]!({ bytes: stored, maxBytes: 1000 })
  await new Promise(setImmediate)
  await assert.rejects(room.take('requested', 100), full, 'one was stored before, one after, two are on their way')
})

test('a stream without a budget has room, and so has one that cannot be asked: the publish says what is wrong', async () => {
  await new Room(async () => ({ bytes: 10, maxBytes: -1 })).take('requested', 100)
  await new Room(() => Promise.reject(new Error('away'))).take('requested', 100)
})
