import type { CallEventData, History } from '@countersign/contracts'
import { decide } from '../call/decide.ts'
import { deny } from '../rules/deny.ts'
import type { Facts } from '../rules/facts.ts'
import type { Verdict } from '../rules/verdict.ts'

/**
 * Judges an approved call again as things are now: people approved what was held, under the policy and the definition that were in
 * force then (I4, I13).
 *
 * @param facts gathered now, with the grant's expiry as the deadline
 * @param history with enough approvals
 * @returns the verdict to publish, an allow or a denial
 */
export function recheck(facts: Facts, history: History): Exclude<Verdict, { effect: 'hold' }> {
  const held = history.find('held')!.data
  const verdict = decide(facts)
  if (facts.tool?.state === 'pinned' && facts.tool.pinned?.digest !== held.definitionDigest) {
    const message = `the definition of "${held.tool}" on "${held.server}" is not the one that was approved any more; nothing ran, ask again`
    return deny(facts, 'definition_changed', message)
  }
  if (verdict.effect !== 'hold') return verdict
  const { decision, binding, terms } = verdict
  if (suffices(history.all('voted'), terms, held.principal)) return { effect: 'allow', decision, binding }
  const message =
    'the policies changed while the call waited and ask for more approval than was given; nothing ran, ask again to have it held anew'
  return deny(facts, 'policy', message, decision.rules)
}

/** Whether the votes that were given would do under these terms. */
function suffices(
  votes: readonly { data: CallEventData<'voted'> }[],
  { groups, quorum, notRequester }: CallEventData<'held'>['approval'],
  requester: string,
): boolean {
  const approvers = votes
    .filter(({ data }) => data.vote === 'approve' && data.groups.some((group) => groups.includes(group)))
    .map(({ data }) => data.approver)
    .filter((approver) => !(notRequester && approver === requester))
  return new Set(approvers).size >= quorum
}
