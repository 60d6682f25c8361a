import { z } from 'zod'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits')
export const Instant = z.iso.datetime()

/** What every event of a call says again, so that each can be read alone. */
export const callFields = {
  callId: CallId,
  tenant: DnsLabel,
  server: DnsLabel,
  /** The MCP method, `tools/call` for now. */
  method: z.string().max(64),
  /** The tool's name as its server knows it. */
  tool: z.string().max(256),
  /** Who asked: the principal's id. */
  principal: z.string().max(256),
  /** SHA-256 over the RFC 8785 form of the arguments (I3). */
  digest: Digest,
} as const

export const CallFields = z.object(callFields)
export type CallFields = z.infer<typeof CallFields>

/** The same as the log has them: where arguments are encrypted their digest is wrapped (`a256kw:…`), and erased with them. */
export const RecordedCallFields = CallFields.extend({ digest: z.string() })
export type RecordedCallFields = z.infer<typeof RecordedCallFields>

/** Picks the common fields out of any event's data. */
export function callFieldsOf(data: CallFields): CallFields {
  const { callId, tenant, server, method, tool, principal, digest } = data
  return { callId, tenant, server, method, tool, principal, digest }
}

/** Content kept in the object store `payloads` because it is larger than an event may carry. */
export const PayloadRef = z.object({ ref: z.string().max(200), digest: Digest, size: z.int().nonnegative() })
export type PayloadRef = z.infer<typeof PayloadRef>

/** The arguments of a call: inline up to 256 KiB, by reference above. */
export const Arguments = z.union([
  z.object({ inline: JsonObjectSchema.meta({ type: 'object' }) }),
  z.object({ stored: PayloadRef }),
])
export type Arguments = z.infer<typeof Arguments>

/** Bytes of JSON that travel inside an event; above, the object store. */
export const maxInlineBytes = 256 * 1024

/** A rule that had a say in a decision. */
export const MatchedRule = z.object({
  policy: z.string(),
  rule: z.string(),
  effect: z.enum(['allow', 'deny', 'hold']),
  reason: z.string().optional(),
  /** Why the condition could not be evaluated, when that is why the rule counts. */
  error: z.string().optional(),
  /** Decided and recorded, not applied (`mode: shadow`). */
  shadow: z.boolean().optional(),
})
export type MatchedRule = z.infer<typeof MatchedRule>

/** What a decision was made on, enough to judge it again under another policy. */
export const Decision = z.object({
  policyRevision: z.string(),
  rules: z.array(MatchedRule),
  facts: JsonObjectSchema.meta({ type: 'object' }),
})
export type Decision = z.infer<typeof Decision>

/** One approver's word, as the grant repeats it. */
export const Approval = z.object({ approver: z.string(), at: Instant, digest: Digest })
export type Approval = z.infer<typeof Approval>

/** An error as an event records it: a code of the error table and a message for the caller. */
export const Failure = z.object({ code: z.string(), message: z.string() })
export type Failure = z.infer<typeof Failure>

/** A credential by reference, as the document of its server names it; never its value (I9). */
export const CredentialRef = z.object({
  /** Sent as a bearer token, or given to the server's process as a variable. */
  use: z.enum(['bearer', 'environment']),
  /** Of the variable. */
  name: z.string().max(256).optional(),
  /** Where it is kept. */
  ref: z.string().max(1024),
})
export type CredentialRef = z.infer<typeof CredentialRef>
