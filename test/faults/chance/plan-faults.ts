import type { Random } from '../harness/random.ts'
import { matrix } from '../matrix/table.ts'

/** A fault, and how long after the one before it happens. */
export type PlannedFault = { afterMs: number } & (
  | { kind: 'kill'; replica: string }
  /** Both replicas of a service at once. */
  | { kind: 'kill-all'; service: string }
  | { kind: 'pause'; replica: string; forMs: number }
  /** The next replica that takes this step dies there. */
  | { kind: 'step'; service: string; step: string; side: 'before' | 'after' }
  /** nats-server is killed, and stays away for a while. */
  | { kind: 'nats'; forMs: number }
)

const replicas = [
  'gateway-1',
  'gateway-2',
  'policy-1',
  'policy-2',
  'agent-executor-1',
  'agent-executor-2',
  'lifecycle',
  'audit',
]
const services = ['gateway', 'policy', 'agent-executor', 'lifecycle', 'audit']

/** Faults for a number of seconds, the same for the same seed. */
export function planFaults(random: Random, seconds: number): PlannedFault[] {
  const faults: PlannedFault[] = []
  for (let atMs = 0; ;) {
    const afterMs = 200 + random.below(1800)
    const fault: PlannedFault = { afterMs, ...oneFault(random) }
    atMs += afterMs + ('forMs' in fault ? fault.forMs : 0)
    if (atMs > seconds * 1000) return faults
    faults.push(fault)
  }
}

function oneFault(random: Random) {
  const dice = random.next()
  if (dice < 0.3) return { kind: 'kill', replica: random.pick(replicas) } as const
  if (dice < 0.7) {
    const { service, step } = random.pick(matrix)
    return { kind: 'step', service, step, side: random.pick(['before', 'after'] as const) } as const
  }
  if (dice < 0.85) return { kind: 'pause', replica: random.pick(replicas), forMs: 500 + random.below(5500) } as const
  if (dice < 0.93) return { kind: 'kill-all', service: random.pick(services) } as const
  return { kind: 'nats', forMs: 100 + random.below(3000) } as const
}
