import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diskFinding, judgeSpace } from './disk-finding.ts'

test('R33: a disk that is nearly full needs a look, and one that is full is in the way', async () => {
  const MiB = 1024 ** 2
  const verdicts = [10_000 * MiB, 1024 * MiB, 1000 * MiB, 64 * MiB, 10 * MiB, 0].map(
    (bytes) => judgeSpace('/state', bytes).verdict,
  )
  assert.deepEqual(verdicts, ['good', 'good', 'warn', 'warn', 'bad', 'bad'])
  const { message, remedy } = judgeSpace('/state', 10 * MiB)
  assert.match(message, /^10 MiB left where \/state is, so /)
  assert.match(remedy!, /make room/)
  assert.match((await diskFinding('.')).message, /^\d+ MiB left/)
})
