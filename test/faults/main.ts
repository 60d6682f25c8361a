/**
 * `npm run faults -- [--seconds 600] [--seed 42] [--callers 16] [--ack-wait 15000]`: faults at random under load for as long as is wanted,
 * in rounds of a minute with seeds that follow one another. Ends with 0 when nothing was violated; else says what was, and where the
 * logs are.
 */
import { parseArgs } from 'node:util'
import type { Cleanup } from '@countersign/testing'
import { path } from './check/evidence.ts'
import { runChance } from './chance/run-chance.ts'
import { startCluster } from './harness/cluster.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    callers: { type: 'string', default: '16' },
    'ack-wait': { type: 'string', default: '3000' },
  },
})
const roundSeconds = 60

/** Runs one round on a cluster of its own; true when nothing was violated. */
async function round(seed: number, seconds: number): Promise<boolean> {
  const cleanups: (() => Promise<void> | void)[] = []
  const cleanup: Cleanup = { after: (fn) => void cleanups.push(fn) }
  try {
    const options = { ackWaitMs: Number(values['ack-wait']), auditGraceMs: 5000 }
    const cluster = await startCluster(cleanup, options)
    const run = await runChance(cluster, { seed, seconds, callers: Number(values.callers) }, console.log)
    const { calls, received, log } = run.evidence
    console.log(
      `seed ${seed}: ${calls.size} calls, ${run.answered} answered, ${received.length} received by tools, ` +
        `${log.length} records, ${run.violations.length} violations`,
    )
    for (const { rule, callId, detail } of run.violations) {
      console.log(`  ${rule}: ${detail}${callId === undefined ? '' : ` (${callId}: ${path(calls.get(callId))})`}`)
    }
    cluster.kept = run.violations.length > 0
    if (cluster.kept) console.log(`  state and logs: ${cluster.state.layout.dir}`)
    return run.violations.length === 0
  } finally {
    for (const fn of cleanups) await fn()
  }
}

let sound = true
for (let left = Number(values.seconds), seed = Number(values.seed); left > 0; left -= roundSeconds, seed++) {
  sound = (await round(seed, Math.min(left, roundSeconds))) && sound
}
process.exit(sound ? 0 : 1)
