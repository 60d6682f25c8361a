import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { consumers } from '@countersign/contracts'
import { type Cleanup, until } from '@countersign/testing'
import { checkRun } from '../check/check-run.ts'
import type { Violation } from '../check/evidence.ts'
import type { Cluster } from '../harness/cluster.ts'
import { Random } from '../harness/random.ts'
import { planCalls } from './plan-calls.ts'
import { startLoad } from './start-load.ts'

/** A cluster under load. */
export interface Run {
  /** Resolves when some more calls were answered. */
  flows(when: string): Promise<void>
  /** Stops the load and checks the run; resolves to how many calls were answered. */
  end(): Promise<number>
}

/** Puts a cluster under a load of mixed calls, and waits until they flow. */
export async function underLoad(t: Cleanup, cluster: Cluster, callers: number): Promise<Run> {
  const load = startLoad(cluster, planCalls(new Random(7)), callers)
  // A run that failed must not go on for ever.
  t.after(() => void load.stop())
  const flows = async (when: string) => {
    const before = load.answered
    await until(() => load.answered > before + 5, `calls flow ${when}`, 120_000)
  }
  await flows('at first')
  return {
    flows,
    async end() {
      await load.stop()
      const violations = checkRun(await cluster.settled())
      assert.deepEqual(violations, [], await remains(cluster, violations))
      return load.answered
    },
  }
}

/** What there is to say of calls that violate something, and is gone after the run: what the store has of them, and the services logged. */
export async function remains(cluster: Cluster, violations: readonly Violation[]): Promise<Error | undefined> {
  if (violations.length === 0) return undefined
  const console = await cluster.bus('console')
  const { stream, name: consumer } = consumers.policyRequested
  const toDecide = await console.consumerLag(stream, consumer).catch(String)
  const logs = await Promise.all(cluster.replicas.map(({ logFile }) => readFile(logFile, 'utf8').catch(String)))
  const lines = logs.flatMap((log) => log.split('\n'))
  const calls = new Set(violations.flatMap(({ callId }) => callId ?? []))
  const told = [...calls].map(async (callId) => ({
    callId,
    stored: await console
      .history({ tenant: '*', server: '*', callId })
      .then(({ entries }) => entries.map(({ seq, name }) => `${seq} ${name}`), String),
    logged: lines.filter((line) => line.includes(callId)),
  }))
  return new Error(JSON.stringify({ violations, toDecide, calls: await Promise.all(told) }, undefined, 2))
}
