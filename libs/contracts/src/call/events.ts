import { z } from 'zod'
import { JsonObjectSchema } from '../json.ts'
import { Arguments, callFields, CredentialRef, Decision, Digest, Failure, Instant, PayloadRef } from './common.ts'
import { Grant } from './grant.ts'

/** A caller asks: published by the gateway before anything else happens. */
export const Requested = z.object({
  ...callFields,
  groups: z.array(z.string()),
  arguments: Arguments,
  era: z.enum(['2025-11-25', '2026-07-28']),
  /** After this instant nobody waits for the answer any more. */
  deadline: Instant,
  /** The gateway replica that waits, for hints on `replies.<replyTo>`. */
  replyTo: z.string(),
  /** SHA-256 of the caller's idempotency key; the key itself stays with the caller. */
  idempotencyKeyDigest: Digest.optional(),
})
export type Requested = z.infer<typeof Requested>

/** What people are asked for. */
export const ApprovalTerms = z.object({
  groups: z.array(z.string()).min(1),
  quorum: z.int().min(1),
  notRequester: z.boolean(),
  expiresAt: Instant,
})
export type ApprovalTerms = z.infer<typeof ApprovalTerms>

/** Policy wants people to decide. */
export const Held = z.object({
  ...callFields,
  definitionDigest: Digest,
  idempotent: z.boolean(),
  approval: ApprovalTerms,
  reason: z.string(),
  decision: Decision,
})
export type Held = z.infer<typeof Held>

/** What the call would change, shown to approvers. */
export const Previewed = z.object({ ...callFields, preview: z.string(), previewDigest: Digest })
export type Previewed = z.infer<typeof Previewed>

/** One approver's yes or no over the digest they were shown. */
export const Voted = z.object({
  ...callFields,
  approver: z.string(),
  groups: z.array(z.string()),
  vote: z.enum(['approve', 'reject']),
  comment: z.string().max(2000).optional(),
})
export type Voted = z.infer<typeof Voted>

/** The grant: signed, bound, expiring; carries the arguments to execute. */
export const Allowed = z.object({
  ...callFields,
  arguments: Arguments,
  grant: Grant,
  decision: Decision,
  deadline: Instant,
  replyTo: z.string(),
})
export type Allowed = z.infer<typeof Allowed>

/** Final: refused, with the reason code the error table explains. */
export const Denied = z.object({
  ...callFields,
  reason: Failure,
  /** Of who rejected it; by itself, because it is a person's own words. */
  comment: z.string().max(2000).optional(),
  decision: Decision.optional(),
})
export type Denied = z.infer<typeof Denied>

/** Final: the caller withdrew before anything ran. */
export const Cancelled = z.object({ ...callFields, reason: z.string() })
export type Cancelled = z.infer<typeof Cancelled>

/** Write-ahead: from here on the tool may have run. */
export const Dispatched = z.object({
  ...callFields,
  executor: z.string(),
  attempt: z.int().min(1),
  definitionDigest: Digest,
  /** What the server is reached with, and what it was given to work with. */
  credentials: z.array(CredentialRef).max(100).optional(),
})
export type Dispatched = z.infer<typeof Dispatched>

/** The tool's result, as its server sent it. */
export const Succeeded = z.object({
  ...callFields,
  result: z.union([z.object({ inline: JsonObjectSchema.meta({ type: 'object' }) }), z.object({ stored: PayloadRef })]),
  resultDigest: Digest,
  /** The tool answered with an error of its own (`isError`). */
  toolError: z.boolean(),
  durationMs: z.number().nonnegative(),
})
export type Succeeded = z.infer<typeof Succeeded>

/** Final: the call did not end well; after `dispatched` the tool answered, cannot have run or is safe to repeat; after `allowed` nothing was sent. */
export const Failed = z.object({
  ...callFields,
  error: Failure,
  /** The JSON-RPC error of the tool server, when it was one. */
  upstream: z.object({ code: z.int(), message: z.string() }).optional(),
  durationMs: z.number().nonnegative(),
})
export type Failed = z.infer<typeof Failed>

/** It may or may not have run; a person must find out. */
export const Unknown = z.object({ ...callFields, error: Failure, durationMs: z.number().nonnegative() })
export type Unknown = z.infer<typeof Unknown>

/** An operator's ruling on an unknown call. */
export const Resolved = z.object({
  ...callFields,
  operator: z.string(),
  outcome: z.enum(['ran', 'did_not_run']),
  evidence: z.string().min(1).max(4000),
})
export type Resolved = z.infer<typeof Resolved>

type Writer = 'gateway' | 'policy' | 'agent-executor'
interface EventRow {
  writer: Writer
  follows: readonly string[]
  final: boolean
  schema: z.ZodType
  meaning: string
}

/** The event table: who writes what, after what. Bus permissions, proto and the checks of a history come from it. */
export const callEvents = {
  requested: row('gateway', [], false, Requested, 'A caller asked for a call.'),
  held: row('policy', ['requested'], false, Held, 'People must decide: groups, quorum, expiry, reason.'),
  previewed: row('agent-executor', ['held'], false, Previewed, 'What the call would change, with its digest.'),
  voted: row('policy', ['held', 'previewed', 'voted'], false, Voted, "One approver's yes or no over the digest shown."),
  allowed: row(
    'policy',
    ['requested', 'held', 'previewed', 'voted'],
    false,
    Allowed,
    'The signed, bound, expiring grant.',
  ),
  denied: row('policy', ['requested', 'held', 'previewed', 'voted'], true, Denied, 'Refused, with a reason code.'),
  cancelled: row(
    'gateway',
    ['requested', 'held', 'previewed', 'voted', 'allowed'],
    true,
    Cancelled,
    'The caller withdrew before anything ran.',
  ),
  dispatched: row(
    'agent-executor',
    ['allowed', 'dispatched'],
    false,
    Dispatched,
    'Write-ahead: the tool may have run.',
  ),
  succeeded: row('agent-executor', ['dispatched'], true, Succeeded, 'The tool answered.'),
  failed: row(
    'agent-executor',
    ['allowed', 'dispatched'],
    true,
    Failed,
    'It did not run, answered with an error, or is safe to repeat.',
  ),
  unknown: row('agent-executor', ['dispatched'], true, Unknown, 'It may or may not have run; a person must find out.'),
  resolved: row('policy', ['unknown'], true, Resolved, "An operator's ruling on an unknown call, with evidence."),
} as const

function row<S extends z.ZodType>(
  writer: Writer,
  follows: readonly string[],
  final: boolean,
  schema: S,
  meaning: string,
) {
  return { writer, follows, final, schema, meaning } satisfies EventRow
}

export type CallEventName = keyof typeof callEvents
export type CallEventData<N extends CallEventName> = z.infer<(typeof callEvents)[N]['schema']>

/** The names, in the order a call passes them. */
export const callEventNames = Object.keys(callEvents) as CallEventName[]

/** True for a name of the event table. */
export function isCallEventName(name: string): name is CallEventName {
  return Object.hasOwn(callEvents, name)
}
