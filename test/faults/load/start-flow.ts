import { type Cleanup, until } from '@countersign/testing'
import type { Cluster } from '../harness/cluster.ts'
import type { CallPlan } from './drive.ts'
import { startLoad } from './start-load.ts'

/** Callers at work, and a wait until more of their calls were answered. */
export async function startFlow(t: Cleanup, cluster: Cluster, plans: Iterator<CallPlan, void>) {
  const load = startLoad(cluster, plans, 12)
  t.after(() => void load.stop())
  const flows = async (when: string) => {
    const before = load.answered
    await until(() => load.answered > before + 30, `calls are answered ${when}`, 120_000)
  }
  await flows('at first')
  return { load, flows }
}
