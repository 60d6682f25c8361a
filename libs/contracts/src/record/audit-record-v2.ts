import { z } from 'zod'
import { Decision, Instant } from '../call/common.ts'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'
import {
  RecordedApprovals,
  RecordedContent,
  RecordedExecution,
  RecordedOutcome,
  RecordedWhat,
  RecordedWho,
  Redaction,
} from './sections.ts'

/** What audit sealed before it sealed more than calls: one event of a call. Logs hold such records for ever. */
export const AuditRecordV2 = z.object({
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
  approvals: RecordedApprovals.optional(),
  execution: RecordedExecution.optional(),
  outcome: RecordedOutcome.optional(),
  redactions: z.array(Redaction).optional(),
  /** The CloudEvent as it was stored, with `"[redacted]"` where something was taken out. */
  cloudEvent: JsonObjectSchema.meta({ type: 'object' }),
  /**
   * Of the RFC 8785 form of `cloudEvent`, where the record is longer than an entry of the log may be. The entry then has this and no
   * `cloudEvent`, which lies beside the log under the digest.
   */
  content: RecordedContent.optional(),
})

/** A record of that version with its place in the log of its tenant. */
export const SealedRecordV2 = z.object({
  /** Place in the tenant's log, from 0, without gaps. */
  index: z.int().nonnegative(),
  /** RFC 6962 hash of the entry, in base64. The entry is the RFC 8785 form of `record`, without `cloudEvent` if there is `content`. */
  leafHash: z.string(),
  record: AuditRecordV2,
})
