import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChance } from './chance/run-chance.ts'
import { startCluster } from './harness/cluster.ts'

/** Chosen anew each time: a run that fails prints its seed, and `npm run faults -- --seed <seed>` makes the same plan. */
const seed = Date.now() % 1_000_000
const seconds = 15

test(
  'I1, I2, I3, I4, I5, I6, I8, I12: faults at random under a load of mixed calls break nothing',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, auditGraceMs: 5000 })
    const said: string[] = []
    const { answered, violations } = await runChance(cluster, { seed, seconds, callers: 12 }, (line) => said.push(line))
    assert.deepEqual(violations, [], said.join('\n'))
    t.diagnostic(`seed ${seed}: ${answered} calls were answered`)
    assert.ok(answered > 0)
  },
)
