import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { canonicalJson, type JsonObject, maxInlineBytes } from '@countersign/contracts'
import { checkRun } from './check/check-run.ts'
import { type Evidence, path } from './check/evidence.ts'
import { neverLate } from './check/rules/never-late.ts'
import { startCluster } from './harness/cluster.ts'
import { type Case, casesOf, deedCasesOf } from './matrix/cases.ts'
import { killAndRestart } from './matrix/restart.ts'
import { pauseAndGoOn } from './matrix/pause.ts'
import { killAndTakeOver } from './matrix/takeover.ts'

const options = { ackWaitMs: 3000, auditGraceMs: 2000 }

/** Whether the arguments of a call were too large for an event; the log has them in the place of the reference. */
function isByReference({ log }: Evidence, callId: string): boolean {
  const asked = log.find(({ record }) => record.callId === callId && record.event === 'requested')
  const { data } = (asked?.record.cloudEvent ?? {}) as { data?: { arguments: { inline?: JsonObject } } }
  return Buffer.byteLength(canonicalJson(data?.arguments.inline ?? {})) > maxInlineBytes
}

/** One result a case, and one for the run as a whole. */
async function assertRun(t: TestContext, evidence: Evidence, cases: readonly Case[]): Promise<void> {
  for (const { title, row, side, callId } of cases) {
    await t.test(title, () => {
      const history = evidence.calls.get(callId)
      assert.equal(history?.final?.name, row.ends[side], path(history))
      if (row.large) assert.ok(isByReference(evidence, callId), 'its arguments were too large for an event')
    })
  }
  assert.deepEqual([...checkRun(evidence), ...neverLate(evidence)], [])
}

test(
  'I1, I2, I3, I5, I6, I8, I12, R23: each service is killed before and after each step, and started again',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, options)
    const cases = casesOf(cluster, 'kill', 1)
    await killAndRestart(cluster, cases, deedCasesOf(cluster))
    await assertRun(t, await cluster.settled(), cases)
  },
)

test(
  'I1, I2, I3, I5, I6, I8, I12: a replica dies with a call at each step, and the other alone ends them all',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t, options)
    const cases = casesOf(cluster, 'hold', 1).filter(({ row }) => row.service !== 'audit')
    await killAndTakeOver(cluster, cases)
    await assertRun(t, await cluster.settled(), cases)
  },
)

test(
  'I1, I2, I3, I5, I6, I8, I12: a replica stops with a call at each step, the other ends them all, and the first goes on with what it knew',
  { timeout: 400_000 },
  async (t) => {
    // People need longer to reach the policy that is not stopped.
    const cluster = await startCluster(t, { ...options, heldFor: '180s' })
    const cases = casesOf(cluster, 'pause', 1).filter(({ row }) => row.service !== 'audit')
    await pauseAndGoOn(cluster, cases)
    await assertRun(t, await cluster.settled(), cases)
  },
)
