import { subjects } from './subjects.ts'

/** A stream as the bus must have it; `libs/bus` makes and checks it. */
export interface StreamSpec {
  name: string
  subjects: readonly string[]
  /** `new`: a full stream refuses (I7); `old`: it forgets its oldest. */
  discard: 'new' | 'old'
  maxBytes: number
  maxAgeMs?: number
  schedules?: boolean
  /** Several events in one atomic, once-fsynced publish. */
  atomicBatches?: boolean
  /** Acknowledges before the disk has it: only for what can be written again from a durable source. */
  asyncPersist?: boolean
}

const GiB = 1024 ** 3

/** The streams of the design. */
export const streams = {
  CALLS: {
    name: 'CALLS',
    subjects: [subjects.allCalls],
    discard: 'new',
    maxBytes: 4 * GiB,
    atomicBatches: true,
  },
  // The server allows no `new` with schedules, and a timer must never be forgotten: no budget of its own.
  TIMERS: { name: 'TIMERS', subjects: [subjects.allTimers], discard: 'old', maxBytes: -1, schedules: true },
  AUDIT: {
    name: 'AUDIT',
    subjects: [subjects.allAudit],
    discard: 'old',
    maxBytes: 4 * GiB,
    // The audit log on disk is the truth; after a power failure audit publishes again what the stream lost.
    asyncPersist: true,
  },
  LIFECYCLE: {
    name: 'LIFECYCLE',
    subjects: [subjects.allLifecycle, subjects.allActivity],
    // What is not sealed must not be forgotten; audit makes room by removing what is.
    discard: 'new',
    maxBytes: GiB,
  },
} as const satisfies Record<string, StreamSpec>

export type StreamName = keyof typeof streams

/** A key-value bucket. */
export interface BucketSpec {
  name: string
  ttlMs?: number
}

/** The buckets of the design: the registry (lifecycle), policies in force (policy), client sessions (gateway), cursors of exports (audit). */
export const buckets = {
  servers: { name: 'servers' },
  policies: { name: 'policies' },
  sessions: { name: 'sessions', ttlMs: 24 * 3600 * 1000 },
  exports: { name: 'exports' },
} as const satisfies Record<string, BucketSpec>

export type BucketName = keyof typeof buckets

/** The object store for arguments and results over 256 KiB. */
export const payloadStore = { name: 'payloads', ttlMs: 7 * 24 * 3600 * 1000, maxBytes: 8 * GiB } as const

/** What is not acknowledged for so long is handed out again. Audit acknowledges batches, which take longer. */
const [decisionAckWaitMs, auditAckWaitMs] = [10_000, 60_000]

/** Durable consumers that are known when the bus is set up; the executor adds one a tool server. */
export const consumers = {
  policyRequested: {
    stream: 'CALLS',
    name: 'policy-requested',
    filter: subjects.callEvents('requested'),
    ackWaitMs: decisionAckWaitMs,
  },
  policyVoted: {
    stream: 'CALLS',
    name: 'policy-voted',
    filter: subjects.callEvents('voted'),
    ackWaitMs: decisionAckWaitMs,
  },
  policyExpired: {
    stream: 'TIMERS',
    name: 'policy-expired',
    filter: subjects.allHoldsExpired,
    ackWaitMs: decisionAckWaitMs,
  },
  audit: { stream: 'CALLS', name: 'audit', filter: subjects.allCalls, ackWaitMs: auditAckWaitMs },
  auditActivity: { stream: 'LIFECYCLE', name: 'audit', filter: '>', ackWaitMs: auditAckWaitMs },
} as const satisfies Record<string, { stream: StreamName; name: string; filter: string; ackWaitMs: number }>

/** The executor's durable consumer for one tool server. */
export function executorConsumer(server: string) {
  return { stream: 'CALLS', name: `executor-${server}`, filter: subjects.callEvents('allowed', server) } as const
}

/** The server whose executor consumer has this name; undefined for any other consumer. */
export function serverOfExecutorConsumer(name: string): string | undefined {
  return name.startsWith('executor-') ? name.slice('executor-'.length) : undefined
}
