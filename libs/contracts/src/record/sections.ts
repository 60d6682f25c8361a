import { z } from 'zod'
import { Approval, Digest, Failure } from '../call/common.ts'

/** Who asked, and who wrote this event. */
export const RecordedWho = z.object({
  /** On whose behalf it is done. */
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
  /** Of the arguments: `sha256:…`, or wrapped (`a256kw:…`) where they are encrypted; opened, and erased: `[erased]`. */
  digest: z.string(),
  /** Of the tool's definition, as this event knew it. */
  definitionDigest: z.string().optional(),
})

/** What became of it; of a call the status is the name of the final event. */
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

/** Votes, and in a grant the approvals it rests on: who, when, over which digest, which may be wrapped. */
export const RecordedApprovals = z.array(Approval.extend({ digest: z.string(), vote: z.enum(['approve', 'reject']) }))

/** Who executed, which attempt, how long. */
export const RecordedExecution = z.object({
  executor: z.string().optional(),
  attempt: z.int().optional(),
  durationMs: z.number().optional(),
})

/** Something that was taken out of the event before it was sealed. */
export const Redaction = z.object({
  /** Where it stood: a JSON Pointer (RFC 6901) into `cloudEvent`. */
  path: z.string(),
  /** SHA-256 over a salt and the RFC 8785 form of what stood there; who is given the salt can check a claimed original. */
  digest: Digest,
})
export type Redaction = z.infer<typeof Redaction>

/** Something personal that was encrypted before the event was sealed. */
export const EncryptedPlace = z.object({
  /** Where it stands: a JSON Pointer (RFC 6901) into `cloudEvent`. */
  path: z.string(),
  /**
   * Where a JWE stands: SHA-256 over a salt and the RFC 8785 form of the value; the salt follows from the subject's key. Left out
   * where a wrapped digest stands.
   */
  digest: Digest.optional(),
})
export type EncryptedPlace = z.infer<typeof EncryptedPlace>

/** Of the RFC 8785 form of an event that lies beside the log. */
export const RecordedContent = z.object({ digest: Digest, size: z.int().nonnegative() })
