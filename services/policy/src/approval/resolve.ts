import { LostRace } from '@countersign/bus'
import { callFieldsOf, CountersignError, makeEvent, type Principal } from '@countersign/contracts'
import { operatorsGroup } from '@countersign/identity'
import { type PolicyContext, storePatienceMs } from '../call/context.ts'

/** An operator's ruling, as `api.policy.resolve` takes it. */
export interface ResolveInput {
  operator: Principal
  callId: string
  outcome: 'ran' | 'did_not_run'
  evidence: string
}

/**
 * Records an operator's ruling on a call whose outcome is unknown (I5).
 *
 * @throws CountersignError `forbidden`, `unknown_call`, `not_unknown`
 */
export async function resolve(
  context: PolicyContext,
  { operator, callId, outcome, evidence }: ResolveInput,
): Promise<{ callId: string; state: 'resolved' }> {
  if (!operator.groups.includes(operatorsGroup)) {
    throw new CountersignError('forbidden', `only members of ${operatorsGroup} may rule on a call; ask one of them`)
  }
  const history = await context.bus.history({ tenant: operator.tenant, server: '*', callId })
  const { last } = history
  if (!last)
    throw new CountersignError(
      'unknown_call',
      `there is no call ${callId} to resolve: it was ruled on long ago, never was, or is not yours to see`,
    )
  const unknown = history.find('unknown')
  if (last.name !== 'unknown' || !unknown) throw notUnknown(last.name)
  const event = makeEvent(
    'resolved',
    { ...callFieldsOf(unknown.data), operator: operator.id, outcome, evidence },
    // Two rulings are two messages, so that only one of them is told that it was stored; an id says nothing about the evidence.
    { now: context.now(), traceparent: unknown.traceparent, distinct: crypto.randomUUID() },
  )
  try {
    await context.bus.publishEvent(unknown.data, 'resolved', event, last.seq, Date.now() + storePatienceMs)
  } catch (error) {
    if (error instanceof LostRace) throw notUnknown('resolved')
    throw error
  }
  return { callId, state: 'resolved' }
}

function notUnknown(state: string): CountersignError {
  return new CountersignError(
    'not_unknown',
    `only a call whose outcome is unknown can be resolved, and the last event of this one is "${state}"; nothing was recorded`,
  )
}
