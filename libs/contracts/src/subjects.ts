import { z } from 'zod'

/** Tenant and server names are DNS labels: they become subject tokens, host names and Kubernetes names. */
export const DnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and inner hyphens, 63 at most',
  )

export const CallId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    'must be a call id (UUIDv7 or UUIDv8)',
  )

/** What names one call on the bus. */
export interface CallAddress {
  tenant: string
  server: string
  callId: string
}

/** The one place where subjects are built; `*` stands for "any" where a part is left out. */
export const subjects = {
  call: (at: CallAddress, event: string) => `calls.${at.tenant}.${at.server}.${at.callId}.${event}`,
  /** Every event of one call: the filter of the compare-and-set (I2). */
  callHistory: (at: CallAddress) => `calls.${at.tenant}.${at.server}.${at.callId}.>`,
  /** Every event of one call whose server is not known, within a tenant or in any. */
  callAnywhere: (callId: string, tenant = '*') => `calls.${tenant}.*.${callId}.>`,
  callEvents: (event: string, server = '*') => `calls.*.${server}.*.${event}`,
  allCalls: 'calls.>',
  /** A sealed record; one that is about no tool server has no token for it. */
  auditRecord: (tenant: string, server: string | undefined, event: string) =>
    server === undefined ? `audit.${tenant}.${event}` : `audit.${tenant}.${server}.${event}`,
  auditRecords: (tenant: string) => `audit.${tenant}.>`,
  allAudit: 'audit.>',
  lifecycleEvent: (tenant: string, server: string, event: string) => `lifecycle.${tenant}.${server}.${event}`,
  allLifecycle: 'lifecycle.>',
  /** What is done to Countersign itself; `*` stands for any tenant. */
  activity: (tenant: string, event: string) => `activity.${tenant}.${event}`,
  allActivity: 'activity.>',
  /** Where a hold's alarm waits, and where it rings. */
  holdTimer: (callId: string) => `timers.holds.${callId}`,
  holdExpired: (at: CallAddress) => `timers.fired.holds.${at.tenant}.${at.server}.${at.callId}`,
  allHoldsExpired: 'timers.fired.holds.>',
  allTimers: 'timers.>',
  /** Core NATS: a hint that a call moved on; the truth is in the history. */
  replies: (gatewayId: string) => `replies.${gatewayId}`,
  /** Core NATS: traffic during a call, `down` to the caller and `up` to the executor. */
  midcall: (gatewayId: string, callId: string, way: 'up' | 'down') => `midcall.${gatewayId}.${callId}.${way}`,
  midcallDown: (gatewayId: string) => `midcall.${gatewayId}.*.down`,
  /** Core NATS: a caller withdrew a request of this session, and another gateway may have it. */
  withdrawals: (session: string) => `midcall.sessions.${session}.withdrawn`,
  /** Core NATS: an executor is asked for a call that it claimed, by id, and confirms those that it has in hand. */
  inHand: (executor: string, word: 'asked' | 'confirmed') => `midcall.executors.${executor}.${word}`,
  /** Core NATS: a replica of a service that nobody can ask tells what is not right with it. */
  faults: (service: string, replica: string) => `faults.${service}.${replica}`,
  /** Core NATS: the server tells that a reader refused a message for good. */
  unreadable: (stream: string, consumer: string) => `$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${stream}.${consumer}`,
  api: (service: string, verb: string) => `api.${service}.${verb}`,
} as const

/** Reads a call subject back; undefined for anything that is not one. */
export function parseCallSubject(subject: string): (CallAddress & { event: string }) | undefined {
  const [root, tenant, server, callId, event, extra] = subject.split('.')
  if (root !== 'calls' || !tenant || !server || !callId || !event || extra !== undefined) return undefined
  return { tenant, server, callId, event }
}

/** Reads the subject of something that was done to a tool server back; undefined for anything else. */
export function parseLifecycleSubject(subject: string): { tenant: string; server: string; event: string } | undefined {
  const [root, tenant, server, event, extra] = subject.split('.')
  if (root !== 'lifecycle' || !tenant || !server || !event || extra !== undefined) return undefined
  return { tenant, server, event }
}

/** Reads the subject of an activity back; undefined for anything else. */
export function parseActivitySubject(subject: string): { tenant: string; event: string } | undefined {
  const [root, tenant, event, extra] = subject.split('.')
  if (root !== 'activity' || !tenant || !event || extra !== undefined) return undefined
  return { tenant, event }
}

/** Reads the subject of a fired hold timer back; undefined for anything that is not one. */
export function parseHoldExpired(subject: string): CallAddress | undefined {
  const [root, fired, holds, tenant, server, callId] = subject.split('.')
  if (root !== 'timers' || fired !== 'fired' || holds !== 'holds' || !tenant || !server || !callId) return undefined
  return { tenant, server, callId }
}

/** Reads the call id out of a `midcall` subject. */
export function parseMidcall(subject: string): { callId: string } | undefined {
  const [root, , callId] = subject.split('.')
  return root === 'midcall' && callId ? { callId } : undefined
}
