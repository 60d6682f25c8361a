import { z } from 'zod'
import { CallFields, Instant, MatchedRule } from '../call/common.ts'
import { RecordedApprovals, RecordedExecution, RecordedOutcome, RecordedWhat, RecordedWho } from '../record/sections.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** One call in a list. */
export const CallView = z.object({
  callId: CallId,
  tenant: DnsLabel,
  server: DnsLabel,
  tool: z.string(),
  principal: z.string(),
  /** Of the arguments; `[erased]` where they were erased. */
  digest: z.string(),
  state: z.string(),
  requestedAt: Instant.optional(),
  updatedAt: Instant,
  /** Reason or error code, for calls that did not end well. */
  code: z.string().optional(),
})
export type CallView = z.infer<typeof CallView>

const Name = z.string().min(1).max(256)

/** What to look for in the log of a tenant; all filters must match. */
export const AuditFilter = z.object({
  tenant: DnsLabel,
  callId: CallId.optional(),
  principal: Name.optional(),
  /** Through whom the call came: one of those who acted for the principal, or the principal where nobody did. */
  agent: Name.optional(),
  server: DnsLabel.optional(),
  tool: Name.optional(),
  /** The event that must have happened, e.g. `denied`, `succeeded`. */
  outcome: z.string().min(1).max(64).optional(),
  /** A rule that had a say: `<policy>/<rule>`, or the rule's name alone. */
  rule: z.string().min(1).max(320).optional(),
  /** Who voted on the call. */
  approver: Name.optional(),
  /** Words that the values of the arguments must all have, in any order and case; `word*` for how one begins. */
  text: z.string().min(1).max(256).optional(),
  since: Instant.optional(),
  until: Instant.optional(),
})
export type AuditFilter = z.infer<typeof AuditFilter>

/** One page of what is found, newest first. */
export const AuditQuery = AuditFilter.extend({
  limit: z.int().min(1).max(1000).default(100),
  /** Continue before this log index. */
  before: z.int().nonnegative().optional(),
  /** Answer as if the log ended here: the `indexed` of the first page, so that all pages are of one log. */
  size: z.int().nonnegative().optional(),
})
export type AuditQuery = z.infer<typeof AuditQuery>

/** How much of the log an answer is about. */
export const Coverage = z.object({
  /** Records in the log when it was asked. */
  size: z.int().nonnegative(),
  /** Of the first so many records the answer is complete; what is sealed after them is not in it yet. */
  indexed: z.int().nonnegative(),
})
export type Coverage = z.infer<typeof Coverage>

/** Buckets of a count, in seconds: minute, 5 minutes, 15 minutes, hour, 6 hours, day. */
export const bucketSeconds = { '1m': 60, '5m': 300, '15m': 900, '1h': 3600, '6h': 21_600, '1d': 86_400 } as const
export type Bucket = keyof typeof bucketSeconds

/** At most so many buckets an answer. */
export const maxBuckets = 2000

/** What to count, in buckets of time from `since` (inclusive) to `until` (exclusive). */
export const CountQuery = AuditFilter.extend({
  since: Instant,
  until: Instant,
  /** Calls by when they were asked for, or records by when their events were stored. */
  of: z.enum(['calls', 'records']).default('calls'),
  bucket: z.enum(['1m', '5m', '15m', '1h', '6h', '1d']),
})
export type CountQuery = z.infer<typeof CountQuery>

export const CountAnswer = z.object({
  total: z.int(),
  /** Every bucket of the time asked for, the oldest first, also those without any. */
  buckets: z.array(
    z.object({
      /** When it begins: a multiple of its length since 1970, UTC. */
      at: Instant,
      total: z.int(),
      /** Calls by where they stand now, or records by their event. */
      by: z.record(z.string(), z.int()),
    }),
  ),
  ...Coverage.shape,
})
export type CountAnswer = z.infer<typeof CountAnswer>

/** What a top-list can be of. */
export const topFields = ['principal', 'agent', 'server', 'tool', 'state', 'code', 'rule', 'approver'] as const

/** The values that most calls have, of the calls that match. `since` and `until` are about when they were asked for. */
export const TopQuery = AuditFilter.extend({
  by: z.enum(topFields),
  limit: z.int().min(1).max(100).default(10),
})
export type TopQuery = z.infer<typeof TopQuery>

export const TopAnswer = z.object({
  /** Most calls first; those with as many in the order of the alphabet. */
  top: z.array(
    z.object({
      value: z.string(),
      /** Whose tool it is, in a list of tools. */
      server: z.string().optional(),
      calls: z.int(),
    }),
  ),
  ...Coverage.shape,
})
export type TopAnswer = z.infer<typeof TopAnswer>

const { method } = CallFields.shape

/** One call from end to end, as the sealed log tells it. */
export const CallStory = z.object({
  call: CallView,
  method: method.optional(),
  /** Of the trace that the call is part of (W3C Trace Context): 32 hex digits. */
  traceId: z.string().optional(),
  groups: z.array(z.string()).optional(),
  /** Through whom the call came. */
  agents: z.array(z.string()),
  /** Every rule that had a say, with the revision of the policies then in force. */
  rules: z.array(MatchedRule.extend({ policyRevision: z.string() })),
  approvals: RecordedApprovals,
  outcome: RecordedOutcome.optional(),
  /** The records of the call, the oldest first, all of them up to `indexed`. */
  steps: z.array(
    z.object({
      /** Its place in the log. */
      index: z.int(),
      event: z.string(),
      /** When the event was made, and when it was stored. */
      time: Instant.optional(),
      storedAt: Instant,
      who: RecordedWho.optional(),
      what: RecordedWhat.optional(),
      execution: RecordedExecution.optional(),
    }),
  ),
  ...Coverage.shape,
})
export type CallStory = z.infer<typeof CallStory>

/** How far the index of a tenant's log is. */
export const IndexStatus = z.object({
  kind: z.enum(['embedded', 'postgres']),
  /** What keeps it from following the log; null while nothing does. */
  problem: z.string().nullable(),
  ...Coverage.shape,
})
export type IndexStatus = z.infer<typeof IndexStatus>
