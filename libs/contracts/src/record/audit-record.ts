import { z } from 'zod'
import { CredentialRef, Decision, Instant } from '../call/common.ts'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'
import { AuditRecordV2, SealedRecordV2 } from './audit-record-v2.ts'
import {
  EncryptedPlace,
  RecordedApprovals,
  RecordedContent,
  RecordedExecution,
  RecordedOutcome,
  RecordedWhat,
  RecordedWho,
  Redaction,
} from './sections.ts'

/**
 * What audit seals: one event of a call, or one thing that was done to Countersign itself. `who` to `outcome` say the same for every
 * kind of event, each where the event says something about it; `cloudEvent` is the event itself.
 */
export const AuditRecordV3 = z.object({
  version: z.literal(3),
  /** `call`: an event of a call. `activity`: something done to a server, to policies, to a session, to the log. */
  kind: z.enum(['call', 'activity']),
  tenant: DnsLabel,
  /** The tool server it is about; every event of a call has one. */
  server: DnsLabel.optional(),
  /** Of an event of a call, and of nothing else. */
  callId: CallId.optional(),
  event: z.string(),
  /** When the event was made, by the clock of who made it. */
  time: Instant.optional(),
  /** When it was stored. */
  storedAt: Instant,
  /** Where it comes from: the stream, and the sequence in it. */
  stream: z.object({
    /** `CALLS` or `LIFECYCLE`. */
    name: z.string(),
    seq: z.int().positive(),
    /** The sequence of that stream that was sealed before it, of any tenant; 0 for the first. One that is missing between the two shows here. */
    previous: z.int().nonnegative(),
    /** When the stream was created: a stream made anew counts from 1 again. */
    created: z.string(),
  }),
  who: RecordedWho.optional(),
  /** Of a call. */
  what: RecordedWhat.optional(),
  /** Of an activity: what was acted on. */
  resource: z.object({ type: z.string(), name: z.string() }).optional(),
  decision: Decision.optional(),
  /** Votes, and in a grant the approvals it rests on: who, when, over which digest. */
  approvals: RecordedApprovals.optional(),
  execution: RecordedExecution.extend({
    /** The credentials that the server was reached with, or works with: by reference, never their values. */
    credentials: z.array(CredentialRef).optional(),
  }).optional(),
  outcome: RecordedOutcome.optional(),
  redactions: z.array(Redaction).optional(),
  /** In the order in which they were encrypted: one may lie inside a later one. */
  encrypted: z.array(EncryptedPlace).optional(),
  /**
   * The CloudEvent as it was stored, with content that it only named in the place of its reference, `"[redacted]"` where something was taken
   * out and a JWE where something was encrypted. Over 6 MiB it is not told, and `{}` stands here.
   */
  cloudEvent: JsonObjectSchema.meta({ type: 'object' }),
  /**
   * Of the RFC 8785 form of the event, where the record is longer than an entry of the log may be. The entry then has this and no
   * `cloudEvent`; the event lies beside the log under the digest.
   */
  content: RecordedContent.optional(),
})
export type AuditRecordV3 = z.infer<typeof AuditRecordV3>

/** A record of the newest version with its place in the log of its tenant, as `AUDIT` carries it and queries return it. */
export const SealedRecordV3 = SealedRecordV2.extend({ record: AuditRecordV3 })

/** A record of any version that a log may hold. */
export const AuditRecord = z.union([AuditRecordV3, AuditRecordV2])
export type AuditRecord = z.infer<typeof AuditRecord>

/** A record of any version, with its place. */
export const SealedRecord = SealedRecordV2.extend({ record: AuditRecord })
export type SealedRecord = z.infer<typeof SealedRecord>

/** Whether a record is told with its event: in the place of one that is too large, or that a target does not take, stands `{}`. */
export function isTold({ cloudEvent }: Pick<AuditRecord, 'cloudEvent'>): boolean {
  return Object.keys(cloudEvent).length > 0
}

/** What a record tells of, whatever its version. */
export function recordKind(record: AuditRecord): AuditRecordV3['kind'] {
  return record.version === 2 ? 'call' : record.kind
}
