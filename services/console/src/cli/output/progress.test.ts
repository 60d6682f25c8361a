import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { progressOn } from './progress.ts'

test('R13: progress is seen at a terminal, on one line that is taken away, and nowhere else', () => {
  for (const [isTTY, written] of [
    [true, '\r\u001B[K4096 entries read\r\u001B[K8192 entries read\r\u001B[K'],
    [false, null],
  ] as const) {
    const sink = Object.assign(new PassThrough(), { isTTY })
    const progress = progressOn(sink)
    progress.show('4096 entries read')
    progress.show('8192 entries read')
    progress.end()
    progress.end()
    assert.equal(sink.read()?.toString() ?? null, written)
  }
})
