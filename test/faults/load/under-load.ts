import assert from 'node:assert/strict'
import { type Cleanup, until } from '@countersign/testing'
import { checkRun } from '../check/check-run.ts'
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
      assert.deepEqual(checkRun(await cluster.settled()), [])
      return load.answered
    },
  }
}
