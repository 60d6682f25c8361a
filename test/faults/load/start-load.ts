import type { Cluster } from '../harness/cluster.ts'
import { type CallPlan, driveCall } from './drive.ts'

/** Callers at work. */
export interface Load {
  /** Calls that were seen through to an answer that ended them. */
  readonly answered: number
  /** Takes no more calls, and resolves when those in hand are seen through. */
  stop(): Promise<void>
}

/** Has some callers see through one planned call after another. */
export function startLoad(cluster: Cluster, plans: Iterator<CallPlan, unknown>, callers: number): Load {
  let going = true
  let answered = 0
  const caller = async () => {
    while (going) {
      const { value, done } = plans.next()
      if (done) return
      const answer = await driveCall(cluster, value)
      if (answer.kind === 'result') answered += 1
      // Nobody is there: not a reason to run wild.
      else await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const all = Promise.all(Array.from({ length: callers }, caller))
  return {
    get answered() {
      return answered
    },
    async stop() {
      going = false
      await all
    },
  }
}
