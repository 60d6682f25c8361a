import type { Local } from '../connect/find-console.ts'
import { bad, type Finding, good } from './finding.ts'

/** Whether agents can reach the gateway; it is not on the bus, so the console does not know. */
export async function gatewayFinding({ info: { gateway: url }, places }: Local): Promise<Finding> {
  try {
    // Any answer will do: without a token it is a refusal.
    const response = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: 'manual' })
    await response.body?.cancel()
    return good('gateway', `answers at ${url}`)
  } catch {
    return bad(
      'gateway',
      `cannot be reached at ${url}, so no agent can call anything`,
      `is Countersign running? Start it with: ${places.start}`,
    )
  }
}
