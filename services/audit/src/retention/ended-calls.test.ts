import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newCallId } from '@countersign/contracts'
import { type EndedCall, EndedCalls } from './ended-calls.ts'

test('columns answer as a plain list of calls would', () => {
  const columns = new EndedCalls()
  let list: EndedCall[] = []
  let newestMs = 0
  for (let round = 0; round < 40; round++) {
    for (let count = 0; count < 131; count++) {
      const lastSeq = round * 1000 + count * 5
      const firstSeq = Math.max(1, lastSeq - Math.floor(Math.random() * 300))
      const at = { tenant: `t${count % 3}`, server: `s${count % 7}`, callId: newCallId(round) }
      const call = { ...at, firstSeq, lastSeq, endedMs: round * 100 + count }
      columns.push(call, Number.POSITIVE_INFINITY)
      newestMs = Math.max(newestMs, call.endedMs)
      list.push({ ...call, endedMs: newestMs })
    }
    const gone = Math.floor(Math.random() * 150)
    columns.shift(Math.min(gone, list.length))
    list = list.slice(gone)
    assert.equal(columns.size, list.length)
    for (const place of [0, 1, Math.max(0, list.length - 1), list.length])
      assert.deepEqual(columns.at(place), list[place])
    const instant = list[Math.floor(list.length / 2)]?.endedMs ?? 0
    const due = list.filter(({ endedMs }) => endedMs <= instant).length
    assert.equal(columns.endedBy(instant), due)
    const rest = list.slice(due).map(({ firstSeq }) => firstSeq)
    assert.equal(columns.minFirstSeq(due), Math.min(...rest, Number.POSITIVE_INFINITY))
    const seq = list[due]?.firstSeq ?? 1
    const firstNotBelow = list.findIndex(({ lastSeq }) => lastSeq >= seq)
    assert.equal(columns.wholeBelow(seq), firstNotBelow < 0 ? list.length : firstNotBelow)
    const straddling = list
      .slice(0, due)
      .flatMap(({ firstSeq, lastSeq }, place) => (firstSeq < seq && lastSeq >= seq ? [place] : []))
    assert.deepEqual(columns.straddling(seq, due), straddling)
  }
})

test('a time that has not come yet holds up no call after it, and those that have it go with the next', () => {
  const calls = new EndedCalls()
  const push = (endedMs: number, nowMs: number) => {
    const at = { tenant: 't', server: 's', callId: newCallId(0) }
    calls.push({ ...at, firstSeq: 1, lastSeq: 1, endedMs }, nowMs)
  }
  const times = () => Array.from({ length: calls.size }, (_, place) => calls.at(place)!.endedMs)
  push(100, 100)
  // The clock of the store jumped ahead, and was put right.
  for (let each = 0; each < 2000; each++) push(1_000_000 + each, 110)
  assert.equal(calls.endedBy(109), 1)
  assert.equal(calls.endedBy(110), 2001)
  push(120, 120)
  assert.deepEqual([calls.endedBy(119), calls.endedBy(120)], [2001, 2002])
  calls.shift(2001)
  // Read again after a start, long after.
  for (let each = 0; each < 2000; each++) push(1_000_000 + each, 5000)
  push(130, 5000)
  assert.deepEqual([calls.endedBy(129), calls.endedBy(130)], [1, 2002])
  calls.shift(2000)
  // Our own clock jumped with it.
  push(1_000_000, 1_000_000)
  push(140, 140)
  assert.deepEqual(times(), [130, 130, 140, 140])
})
