import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockFinding } from './clock-finding.ts'

test('clocks that are more than five seconds apart are in the way, and a slow answer is not', () => {
  const [before, after] = [1_000_000, 1_020_000]
  const verdictAt = (theirs: number) => clockFinding(theirs, before, after).verdict
  assert.deepEqual([before - 5000, before, before + 10_000, after, after + 5000].map(verdictAt), Array(5).fill('good'))
  assert.deepEqual([before - 5001, after + 5001].map(verdictAt), ['bad', 'bad'])
  assert.deepEqual(clockFinding(before - 59_600, before, after), {
    name: 'clock',
    verdict: 'bad',
    message: 'this machine and the console are 60 s apart, so approvals expire early or late',
    remedy: 'set both clocks by NTP',
  })
  assert.match(clockFinding(after + 3_600_000, before, after).message, / are 3600 s apart, so /)
})
