import { z } from 'zod'
import { canonicalJson, sha256 } from '../digest.ts'
import { Approval, callFields, Digest, Instant } from './common.ts'

/** How far apart clocks may be: a grant is valid from so much earlier, and `doctor` complains above this. */
export const maxClockSkewMs = 5000

/** What a grant permits: exactly one call with exactly these arguments, by this caller, of this definition, for a while. */
export const GrantClaims = z.object({
  ...callFields,
  /** Digest of the tool definition the decision saw; the executor refuses when the pinned one differs (I13). */
  definitionDigest: Digest,
  /** The tool may be sent again after a crash: from the pinned registry entry, never from the caller (I6). */
  idempotent: z.boolean(),
  policyRevision: z.string(),
  approvals: z.array(Approval),
  notBefore: Instant,
  expiresAt: Instant,
})
export type GrantClaims = z.infer<typeof GrantClaims>

/** A signed grant: Ed25519 (RFC 8032) over `grantSigningInput`, base64url without padding. */
export const Grant = z.object({ claims: GrantClaims, keyId: z.string(), signature: z.string() })
export type Grant = z.infer<typeof Grant>

/** The bytes a grant's signature covers: a line that names the purpose, then the RFC 8785 form of the claims. */
export function grantSigningInput(claims: GrantClaims): Uint8Array {
  return new TextEncoder().encode(`countersign.dev/grant/v1\n${canonicalJson(claims)}`)
}

/**
 * The id of a grant key: the first 16 hex digits of the SHA-256 of its public key.
 *
 * @param spki the public key in SPKI DER form
 */
export function grantKeyId(spki: Uint8Array): string {
  return sha256(spki).slice('sha256:'.length, 'sha256:'.length + 16)
}
