import { checkRun } from '../check/check-run.ts'
import type { Evidence, Violation } from '../check/evidence.ts'
import type { Cluster } from '../harness/cluster.ts'
import { Random } from '../harness/random.ts'
import { planCalls } from '../load/plan-calls.ts'
import { startLoad } from '../load/start-load.ts'
import { inflict } from './inflict.ts'
import { planFaults } from './plan-faults.ts'

/** A run by chance: what was planned, what came of it. */
export interface ChanceRun {
  answered: number
  evidence: Evidence
  violations: Violation[]
}

/**
 * Runs a load of mixed calls while faults happen, then waits for everything to recover, and checks it. Load and faults have a
 * sequence of their own each from the seed, so that how fast calls go does not change the faults.
 *
 * @param say told each fault before the run
 */
export async function runChance(
  cluster: Cluster,
  options: { seed: number; seconds: number; callers: number },
  say: (line: string) => void,
): Promise<ChanceRun> {
  const { seed, seconds, callers } = options
  const faults = planFaults(new Random(seed), seconds)
  say(`seed ${seed}, ${seconds} s, ${callers} callers, ${faults.length} faults:`)
  for (const fault of faults) say(`  ${JSON.stringify(fault)}`)
  const load = startLoad(cluster, planCalls(new Random(seed + 1)), callers)
  await inflict(cluster, faults)
  await load.stop()
  const evidence = await cluster.settled()
  return { answered: load.answered, evidence, violations: checkRun(evidence) }
}
