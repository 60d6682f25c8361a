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
      columns.push(call)
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
