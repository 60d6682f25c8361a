import { z } from 'zod'
import { Digest, Instant } from './call/common.ts'
import { JsonObjectSchema } from './json.ts'

/** What is to be taken out of the records of some calls, as policies in force say it. */
export const RedactionInForce = z.object({
  /** Of calls to these servers, of these tenants, to these tools; `*` stands for any characters. */
  servers: z.array(z.string()),
  tenants: z.array(z.string()),
  tools: z.array(z.string()),
  in: z.enum(['arguments', 'result', 'facts']),
  path: z.string(),
  /** No policy says it any more since then: it still holds for calls that began before. */
  until: Instant.optional(),
})
export type RedactionInForce = z.infer<typeof RedactionInForce>

/** What the bucket `policies` keeps under `current`; policy writes it, by compare-and-set. */
export const PoliciesInForce = z.object({
  /** Null: no policy is in force, so every call is denied. */
  revision: Digest.nullable(),
  loadedAt: Instant.nullable(),
  /** The accepted texts, so that they outlive broken files and restarts. */
  files: z.array(z.object({ file: z.string(), text: z.string() })),
  redactions: z.array(RedactionInForce).default([]),
  /** Digest of the set that was refused last, when none was accepted since. */
  refused: Digest.optional(),
  /** Activities that belong to the newest changes and are not known to be stored: whoever finds them stores them. */
  unrecorded: z.array(z.object({ tenant: z.string(), name: z.string(), event: JsonObjectSchema })).default([]),
})
export type PoliciesInForce = z.infer<typeof PoliciesInForce>

/** The key of the one entry of the bucket `policies`. */
export const policiesKey = 'current'
