import type { CallEvent } from '@countersign/contracts'
import { open } from '../approval/open.ts'
import type { Verdict } from '../rules/verdict.ts'
import type { PolicyContext } from './context.ts'
import { publishAllowed } from './publish-allowed.ts'
import { publishDenied } from './publish-denied.ts'

/** A grant that needed no people is for now, whatever deadline the caller set. */
const maxGrantMs = 10 * 60_000

/**
 * Publishes what was decided on a request: `allowed`, `held` or `denied`.
 *
 * @param seq the sequence of the request: only the first decision on it is stored (I2)
 * @throws LostRace when it was decided or cancelled already
 */
export async function publishVerdict(
  context: PolicyContext,
  requested: CallEvent<'requested'>,
  seq: number,
  verdict: Verdict,
): Promise<void> {
  switch (verdict.effect) {
    case 'deny':
      return publishDenied(context, requested, seq, verdict)
    case 'hold':
      return open(context, requested, seq, verdict)
    case 'allow': {
      const { decision, binding } = verdict
      const expiresAt = new Date(Math.min(Date.parse(requested.data.deadline), context.now().getTime() + maxGrantMs))
      return publishAllowed(context, requested, seq, { decision, binding, approvals: [], expiresAt })
    }
  }
}
