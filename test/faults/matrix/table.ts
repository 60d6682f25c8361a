import { type CallEventName, consumers, executorConsumer } from '@countersign/contracts'
import { serverName, type ToolName } from '../harness/tools.ts'
import type { CallPlan } from '../load/drive.ts'

/** A service and a step of the path, killed before and after; with a call that takes this step, and how it must end. */
export interface Row {
  service: 'gateway' | 'policy' | 'agent-executor' | 'audit'
  step: string
  tool: ToolName
  sequel: CallPlan['sequel']
  large?: boolean
  ends: { before: CallEventName; after: CallEventName }
}

const row = (
  service: Row['service'],
  step: string,
  tool: ToolName,
  sequel: CallPlan['sequel'],
  before: CallEventName,
  after = before,
): Row => ({ service, step, tool, sequel, ends: { before, after } })

/** What is stored by reference: a call with large arguments, and with a large result. */
const carry = (service: Row['service'], tool: ToolName, ends: CallEventName): Row => ({
  ...row(service, 'carry:payloads', tool, 'wait', ends),
  large: true,
})

const requested = `ack:${consumers.policyRequested.name}`
const voted = `ack:${consumers.policyVoted.name}`
const expired = `ack:${consumers.policyExpired.name}`
const executor = `ack:${executorConsumer(serverName).name}`

/**
 * Every step of the path that stores or acknowledges something. Tools that are safe to repeat where another service is killed, so that
 * what happens to the executor at the same time does not show in how the call ends.
 */
export const matrix: readonly Row[] = [
  row('gateway', 'publish:requested', 'read', 'wait', 'succeeded'),
  carry('gateway', 'read', 'succeeded'),
  // Its caller asks again, and withdraws again.
  row('gateway', 'publish:cancelled', 'held-read', 'cancel', 'cancelled'),
  // The hint that the call has ended: before it is known who waits for that, and before that one is answered.
  row('gateway', 'hear:replies', 'read', 'wait', 'succeeded'),

  row('policy', 'publish:allowed', 'read', 'wait', 'succeeded'),
  row('policy', 'publish:denied', 'forbidden', 'wait', 'denied'),
  row('policy', requested, 'read', 'wait', 'succeeded'),
  row('policy', 'store:timers', 'held-read', 'approve', 'succeeded'),
  row('policy', 'publish:held', 'held-read', 'approve', 'succeeded'),
  row('policy', 'publish:voted', 'held-read', 'approve', 'succeeded'),
  row('policy', 'publish:allowed', 'held-read', 'approve', 'succeeded'),
  row('policy', 'publish:denied', 'held-read', 'reject', 'denied'),
  row('policy', voted, 'held-read', 'approve', 'succeeded'),
  row('policy', 'publish:denied', 'brief-read', 'expire', 'denied'),
  row('policy', expired, 'brief-read', 'expire', 'denied'),
  row('policy', 'publish:resolved', 'die-write', 'resolve', 'resolved'),

  row('agent-executor', 'publish:dispatched', 'read', 'wait', 'succeeded'),
  // Claimed and not sent is not told from claimed and sent (I5, I6).
  row('agent-executor', 'publish:dispatched', 'write', 'wait', 'succeeded', 'unknown'),
  row('agent-executor', 'publish:succeeded', 'read', 'wait', 'succeeded'),
  row('agent-executor', 'publish:succeeded', 'write', 'wait', 'unknown', 'succeeded'),
  carry('agent-executor', 'read', 'succeeded'),
  // A result that is in the object store and in no history is no result.
  carry('agent-executor', 'write', 'unknown'),
  row('agent-executor', 'publish:failed', 'die-read', 'wait', 'failed'),
  row('agent-executor', 'publish:failed', 'rpc-error', 'wait', 'unknown', 'failed'),
  row('agent-executor', 'publish:unknown', 'die-write', 'wait', 'unknown'),
  row('agent-executor', executor, 'write', 'wait', 'succeeded'),

  row('audit', `take:${consumers.audit.name}`, 'read', 'wait', 'succeeded'),
  row('audit', 'store:audit', 'read', 'wait', 'succeeded'),
  row('audit', `ack:${consumers.audit.name}`, 'read', 'wait', 'succeeded'),
  row('audit', 'purge:CALLS', 'read', 'wait', 'succeeded'),
]

/** A step of telling what happens beside calls, killed before and after; with what has to happen for it. */
export interface DeedRow {
  service: 'gateway' | 'policy' | 'lifecycle' | 'audit'
  step: string
  /** Lifecycle takes up a new server; policy takes up other policies; a gateway refuses a token. */
  deed: 'server' | 'policies' | 'refusal'
}

/** Every step on the way of such an event into the log: the registry and the stream `LIFECYCLE`, and audit, which takes it with a consumer of its own. */
export const deedMatrix: readonly DeedRow[] = [
  { service: 'lifecycle', step: 'put:servers', deed: 'server' },
  { service: 'lifecycle', step: 'store:lifecycle', deed: 'server' },
  { service: 'audit', step: `take:${consumers.auditActivity.name}`, deed: 'server' },
  { service: 'audit', step: 'store:audit', deed: 'server' },
  { service: 'audit', step: `ack:${consumers.auditActivity.name}`, deed: 'server' },
  { service: 'policy', step: 'store:activity', deed: 'policies' },
  // Before it is stored it is in memory alone, and lost; the next one is told.
  { service: 'gateway', step: 'store:activity', deed: 'refusal' },
]
