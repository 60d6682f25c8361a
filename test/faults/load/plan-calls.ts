import type { Random } from '../harness/random.ts'
import { toolNames, tools } from '../harness/tools.ts'
import type { CallPlan } from './drive.ts'

/** Calls of every kind, without end, the same for the same seed: with and without a key, at either gateway. */
export function* planCalls(random: Random): Generator<CallPlan, never> {
  for (let n = 1; ; n++) {
    const tool = random.pick(toolNames)
    const sequel = random.pick(sequelsOf[tools[tool].policy])
    const keyed = random.next() < 0.6
    yield { n, tool, sequel, gateway: random.below(2), ...(keyed ? { key: `load-${n}` } : {}) }
  }
}

const sequelsOf = {
  // Now and then a caller changes its mind, whether or not there is still something to withdraw.
  allow: ['wait', 'wait', 'wait', 'wait', 'cancel', 'resolve'],
  deny: ['wait'],
  hold: ['approve', 'approve', 'reject', 'cancel'],
  'hold-briefly': ['approve', 'reject', 'expire', 'cancel'],
} as const satisfies Record<(typeof tools)[keyof typeof tools]['policy'], readonly CallPlan['sequel'][]>
