import type { Cluster } from '../harness/cluster.ts'
import { ask } from './ask.ts'

const atOnce = 32

/**
 * Asks for calls that are held, under the keys `held-<n>`, and leaves them waiting.
 *
 * @returns how many were answered as pending
 */
export async function askHeld(cluster: Cluster, count: number): Promise<number> {
  const tool = 'brief-read'
  let next = 0
  let pending = 0
  const caller = async () => {
    while (next < count) {
      const n = ++next
      const key = `held-${n}`
      const url = cluster.gateways[n % cluster.gateways.length]!
      const args = { n, text: `call ${n}` }
      const answer = await ask({ url, token: cluster.state.tokens.agent, name: tool, arguments: args, key })
      cluster.told.push({ n, tool, key, asked: 1, answer })
      if (answer.kind === 'result' && answer.status === 'pending') pending += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, caller))
  return pending
}
