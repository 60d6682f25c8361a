import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineReader } from './line-reader.ts'

test('lines come out whole, however the bytes arrive', () => {
  const bytes = Buffer.from('é1\r\n\n{"é":"\u{1F600}"}\nrest')
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new LineReader(100)
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += size) lines.push(...reader.push(bytes.subarray(at, at + size)))
    assert.deepEqual([...lines, reader.flush()], ['é1', '', '{"é":"\u{1F600}"}', 'rest'])
  }
})

test('a line over the bound ends reading', () => {
  const reader = new LineReader(4)
  assert.deepEqual(reader.push(Buffer.from('1234\n12')), ['1234'])
  assert.equal(reader.overflow, false)
  assert.deepEqual(reader.push(Buffer.from('345\n6\n')), [])
  assert.equal(reader.overflow, true)
})

test('I9: of a log, a line over the bound is left out whole, however the bytes arrive, and the next is read', () => {
  const bytes = Buffer.from('ab\n1234hunter2\ncd\n123456789\n\nef\n')
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new LineReader(4, { leavesOut: true })
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += size) lines.push(...reader.push(bytes.subarray(at, at + size)))
    const leftOut = '(a line of more than 4 bytes was left out)'
    assert.deepEqual(lines, ['ab', leftOut, 'cd', leftOut, '', 'ef'])
  }
})
