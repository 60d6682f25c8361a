import { LostRace } from '@countersign/bus'
import type { Approval, CallAddress, CallEvent, CallEventName, History } from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { gatherFacts } from '../call/gather-facts.ts'
import { publishAllowed } from '../call/publish-allowed.ts'
import { publishDenied } from '../call/publish-denied.ts'
import type { Denial } from '../rules/verdict.ts'
import { conclude } from './conclude.ts'
import { recheck } from './recheck.ts'

/**
 * Ends the wait of a held call if its history says so: quorum, rejection or time. Whoever notices does it, as often as they like: the
 * compare-and-set lets one of them (I2).
 *
 * @param seenSeq the sequence of an event of the call that is known to be stored, so that an older copy is not judged
 * @returns where the call stood when it was looked at, whether it is still waiting for people, and whether this ended that
 * @throws Error when the history read is older than that, or was purged, and the store forgets who was to be asked again
 */
export async function settle(
  context: PolicyContext,
  at: CallAddress,
  seenSeq = 0,
): Promise<{ state: CallEventName | undefined; waiting: boolean; ended: boolean }> {
  const history = await context.bus.history(at)
  if (history.lastSeq < seenSeq) throw new Error('the history read is older than the vote; looking again later')
  const requested = history.find('requested')
  const { state } = history
  if (!history.waiting || !requested) return { state, waiting: false, ended: false }
  const conclusion = conclude(history, context.now())
  try {
    switch (conclusion.state) {
      case 'waiting':
        return { state, waiting: true, ended: false }
      case 'approved':
        await allow(context, history, requested, conclusion)
        break
      case 'rejected':
      case 'expired':
        await refuse(context, history, requested, {
          effect: 'deny',
          code: conclusion.state,
          message: conclusion.message,
          ...(conclusion.state === 'rejected' ? { comment: conclusion.comment } : {}),
          decision: history.find('held')!.data.decision,
        })
    }
  } catch (error) {
    // Another replica, a cancellation or a further vote: whoever wrote last looks again.
    if (!(error instanceof LostRace)) throw error
    return { state, waiting: true, ended: false }
  }
  return { state, waiting: false, ended: true }
}

async function allow(
  context: PolicyContext,
  history: History,
  requested: CallEvent<'requested'>,
  { approvals, expiresAt }: { approvals: Approval[]; expiresAt: Date },
): Promise<void> {
  // The caller's own deadline passed while people thought; the grant's takes its place.
  const facts = await gatherFacts(context, { ...requested.data, deadline: expiresAt.toISOString() })
  if (facts.audit.state !== 'current')
    throw new Error(`an approved call may not run yet, because ${facts.audit.reason}; looking again later`)
  const verdict = recheck(facts, history)
  if (verdict.effect === 'deny') return refuse(context, history, requested, verdict)
  const { decision, binding } = verdict
  await publishAllowed(context, requested, history.lastSeq, { decision, binding, approvals, expiresAt })
  context.metrics.decided('allow')
}

async function refuse(
  context: PolicyContext,
  history: History,
  requested: CallEvent<'requested'>,
  denial: Denial,
): Promise<void> {
  await publishDenied(context, requested, history.lastSeq, denial)
  context.metrics.decided('deny', denial.code)
}
