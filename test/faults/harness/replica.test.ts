import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { Replica } from './replica.ts'

test('R40: a process of the harness that does not start is told with the end of its log', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-replica-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const logFile = join(dir, 'gateway-1.log')
  const env = { PATH: process.env.PATH ?? '' }
  const replica = new Replica({ name: 'gateway-1', entry: 'entry/gateway.ts', args: [], env, logFile })
  t.after(() => replica.end())
  await assert.rejects(replica.start(0), /gateway-1 did not start within 0 ms/)
  await until(() => readFileSync(logFile, 'utf8').includes('USERS_FILE'), 'it says what it lacks')
  await assert.rejects(replica.untilUp(0), /the end of its log .*\n[^]*COUNTERSIGN_USERS_FILE/)
})
