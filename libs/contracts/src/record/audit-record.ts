import { z } from 'zod'
import { Approval, Decision, Digest, Failure, Instant } from '../call/common.ts'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** Who asked for the call, and who wrote this event of it. */
export const RecordedWho = z.object({
  /** On whose behalf the call is made. */
  principal: z.string(),
  groups: z.array(z.string()).optional(),
  /** Through whom the principal came to ask, the nearest first. */
  delegation: z.array(z.string()).optional(),
  /** The person or service whose doing this event is. */
  actor: z.string(),
})

/** What was to be done; the server is named by the record. */
export const RecordedWhat = z.object({
  method: z.string(),
  tool: z.string(),
  /** Of the arguments. */
  digest: z.string(),
  /** Of the tool's definition, as this event knew it. */
  definitionDigest: z.string().optional(),
})

/** What became of the call; the status is the name of the final event. */
export const RecordedOutcome = z.object({
  status: z.string(),
  /** Code of the error table and words for the caller, where it did not end well. */
  reason: Failure.optional(),
  toolError: z.boolean().optional(),
  resultDigest: z.string().optional(),
  /** An operator's ruling on a call whose outcome was unknown. */
  ruling: z.string().optional(),
  evidence: z.string().optional(),
})

/** Something that was taken out of the event before it was sealed. */
export const Redaction = z.object({
  /** Where it stood: a JSON Pointer (RFC 6901) into `cloudEvent`. */
  path: z.string(),
  /** SHA-256 over a salt and the RFC 8785 form of what stood there; who is given the salt can check a claimed original. */
  digest: Digest,
})
export type Redaction = z.infer<typeof Redaction>

/**
 * What audit seals: one event of a call. `who` to `outcome` say the same for every kind of event, each where the event says
 * something about it; `cloudEvent` is the event itself.
 */
export const AuditRecord = z.object({
  version: z.literal(2),
  tenant: DnsLabel,
  server: DnsLabel,
  callId: CallId,
  event: z.string(),
  /** When the event was made, by the clock of who made it. */
  time: Instant.optional(),
  /** When it was stored. */
  storedAt: Instant,
  /** Where it comes from: its sequence in `CALLS`. */
  stream: z.object({
    seq: z.int().positive(),
    /** The sequence that was sealed before it, of any tenant; 0 for the first. One that is missing between the two shows here. */
    previous: z.int().nonnegative(),
    /** When the stream was created: a stream made anew counts from 1 again. */
    created: z.string(),
  }),
  who: RecordedWho.optional(),
  what: RecordedWhat.optional(),
  decision: Decision.optional(),
  /** Votes, and in a grant the approvals it rests on: who, when, over which digest. */
  approvals: z.array(Approval.extend({ vote: z.enum(['approve', 'reject']) })).optional(),
  execution: z
    .object({ executor: z.string().optional(), attempt: z.int().optional(), durationMs: z.number().optional() })
    .optional(),
  outcome: RecordedOutcome.optional(),
  redactions: z.array(Redaction).optional(),
  /** The CloudEvent as it was stored, with `"[redacted]"` where something was taken out. */
  cloudEvent: JsonObjectSchema.meta({ type: 'object' }),
  /**
   * Of the RFC 8785 form of `cloudEvent`, where the record is longer than an entry of the log may be. The entry then has this and no
   * `cloudEvent`, which lies beside the log under the digest.
   */
  content: z.object({ digest: Digest, size: z.int().nonnegative() }).optional(),
})
export type AuditRecord = z.infer<typeof AuditRecord>

/** A record with its place in the log of its tenant, as `AUDIT` carries it and queries return it. */
export const SealedRecord = z.object({
  /** Place in the tenant's log, from 0, without gaps. */
  index: z.int().nonnegative(),
  /** RFC 6962 hash of the entry, in base64. The entry is the RFC 8785 form of `record`, without `cloudEvent` if there is `content`. */
  leafHash: z.string(),
  record: AuditRecord,
})
export type SealedRecord = z.infer<typeof SealedRecord>
