import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SseEvent, SseReader } from './sse.ts'

const read = (pieces: string[]): SseEvent[] => {
  const reader = new SseReader()
  const events = pieces.flatMap((piece) => reader.push(piece))
  assert.equal(reader.pending, 0, JSON.stringify(pieces))
  return events
}

test('events are the same wherever the stream is cut, with every kind of line end', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const lines = [': comment', 'event: a', 'id: 7', 'data: one', 'data', 'data:  two', '', 'data:three', '', '']
    const text = lines.join(end)
    const events = [
      { event: 'a', id: '7', data: 'one\n\n two' },
      { id: '7', data: 'three' },
    ]
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)]
        assert.deepEqual(read(pieces), events, JSON.stringify(pieces))
      }
    }
    assert.deepEqual(read(text.split('')), events)
  }
})

test('a long line is searched once, not again with each piece', (t) => {
  const { exec } = RegExp.prototype
  let searched = 0
  const spy = t.mock.method(RegExp.prototype, 'exec', function (this: RegExp, text: string) {
    searched += text.length - this.lastIndex
    return exec.call(this, text)
  })
  const piece = 'x'.repeat(64 * 1024)
  const count = 256
  const [event] = read(['data: ', ...Array.from({ length: count }, () => piece), '\n\n'])
  spy.mock.restore()
  const length = count * piece.length
  assert.equal(event?.data.length, length)
  // Less than once would be a search that this test does not see.
  assert.ok(searched >= length && searched < 2 * length, `${searched / length} times`)
})

test('what is pending of an event counts its empty lines, and is nothing once it is complete', () => {
  const reader = new SseReader()
  reader.push('data\n'.repeat(100))
  assert.equal(reader.pending, 100)
  reader.push('data: abc')
  assert.equal(reader.pending, 109)
  assert.equal(reader.push('\n\n').length, 1)
  assert.equal(reader.pending, 0)
})
