import { join } from 'node:path'
import type { Cluster } from '../harness/cluster.ts'
import type { PlannedFault } from './plan-faults.ts'

/** Lets planned faults happen, one after the other; returns when the last is over. */
export async function inflict(cluster: Cluster, faults: readonly PlannedFault[]): Promise<void> {
  for (const [index, fault] of faults.entries()) {
    await pause(fault.afterMs)
    const named = (name: string) => cluster.replicas.find((replica) => replica.name === name)!
    switch (fault.kind) {
      case 'kill':
        await named(fault.replica).kill()
        break
      case 'kill-all':
        await Promise.all(cluster.of(fault.service).map((replica) => replica.kill()))
        break
      case 'pause':
        await pauseReplica(cluster, fault.replica, fault.forMs)
        break
      case 'step': {
        const claim = join(cluster.state.layout.dir, `chance-${index}`)
        const point = { step: fault.step, side: fault.side, text: '', action: 'kill', claim } as const
        // A replica that is just being started takes the next step unharmed.
        await Promise.all(cluster.of(fault.service).map((replica) => replica.arm([point])))
        break
      }
      case 'nats':
        await cluster.nats.stop('SIGKILL')
        await pause(fault.forMs)
        await cluster.nats.start()
    }
  }
  await Promise.all(cluster.replicas.map((replica) => replica.arm([])))
}

/** Stops a process in its tracks for a while, as an overloaded machine would. */
export async function pauseReplica(cluster: Cluster, name: string, forMs: number): Promise<void> {
  const replica = cluster.replicas.find((one) => one.name === name)!
  replica.signal('SIGSTOP')
  await pause(forMs)
  replica.signal('SIGCONT')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
