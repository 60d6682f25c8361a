import type { Bus } from '@countersign/bus'
import { type CallProof, CountersignError, verbs } from '@countersign/contracts'
import { askAudit } from './ask-audit.ts'

/** Answers of audit that one proof is put together from, each some MiB at most. */
const maxAnswers = 32

/**
 * Proves what the log of a tenant says about a call. What is more than one answer of audit is asked for in several, each entry with a
 * checkpoint that vouches for it.
 *
 * @throws CountersignError `unknown_call`, `invalid_params` for a call that is too large to be proven over the bus; AuditSilent
 */
export async function proveCall(
  bus: Pick<Bus, 'callApi'>,
  { tenant, callId }: { tenant: string; callId: string },
): Promise<CallProof> {
  const entries: CallProof['entries'] = []
  let from = 0
  for (let answers = 0; answers < maxAnswers; answers++) {
    const { proof, next } = await askAudit(bus, verbs.audit.prove, { tenant, callId, from })
    entries.push(...proof.entries)
    if (next === null) return { ...proof, entries }
    from = next
  }
  throw new CountersignError(
    'invalid_params',
    `the events of call ${callId} are more than can be proven over the bus: prove it from the log or a copy of it, with ` +
      `countersign audit prove ${callId} --log FOLDER`,
  )
}
