import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { until } from '@countersign/testing'
import { StoreWatch } from './watch-store.ts'

const full = (path: string) =>
  `[7] 2026/11/28 09:00:00.000000 [ERR] Filestore [A] Critical write error: write ${path}: no space left on device\n`

test('R33: a server is started again when its store could not be written, and not when a batch could not be gathered', async (t) => {
  const said: string[] = []
  let restarts = 0
  const watch = new StoreWatch({ dir: tmpdir(), say: (line) => said.push(line), restart: () => (restarts += 1) })
  t.after(() => watch.stop())
  const stderr = new PassThrough()
  watch.follow(stderr)
  const ofBatch = full('/store/jetstream/$G/streams/CALLS/batches/kX/msgs/1.blk')
  // As it comes from a pipe: the place of the error after its kind.
  stderr.write(ofBatch.slice(0, 80))
  await setTimeout(20)
  stderr.write(ofBatch.slice(80))
  await setTimeout(20)
  assert.deepEqual(said, [])
  stderr.write(full('/store/jetstream/$G/streams/CALLS/msgs/1.blk'))
  await until(() => restarts === 1, 'it is started again')
  assert.match(said[0]!, /cannot write to its disk/)
})
