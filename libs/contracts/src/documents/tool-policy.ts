import { z } from 'zod'

const Name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a lower-case DNS name')

/** A duration like `30s`, `15m`, `24h`, `7d`. */
export const Duration = z
  .string()
  .regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/, 'must be a whole number with s, m, h or d, like 15m')

/** The length of a duration in milliseconds. */
export function durationMs(duration: string): number {
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[duration.at(-1) as 's' | 'm' | 'h' | 'd']
  return Number(duration.slice(0, -1)) * unit
}

/** Who must agree to a held call. */
export const ApprovalSpec = z.strictObject({
  groups: z.array(z.string().min(1)).min(1),
  quorum: z.int().min(1).max(20).default(1),
  notRequester: z.boolean().default(true),
  expiresAfter: Duration.default('15m'),
})
export type ApprovalSpec = z.infer<typeof ApprovalSpec>

const RuleBase = {
  name: z.string().regex(/^[a-zA-Z0-9][-_a-zA-Z0-9]{0,62}$/, 'must be letters, digits, - and _, 63 at most'),
  /** CEL over `tool`, `args`, `principal`, `server`, `method`; must be boolean. */
  when: z.string().min(1).max(4096),
  /** Shown to the caller and to approvers. */
  reason: z.string().max(500).optional(),
}

export const PolicyRule = z.discriminatedUnion('effect', [
  z.strictObject({ ...RuleBase, effect: z.literal('allow') }),
  z.strictObject({ ...RuleBase, effect: z.literal('deny') }),
  z.strictObject({ ...RuleBase, effect: z.literal('hold'), approval: ApprovalSpec }),
])
export type PolicyRule = z.infer<typeof PolicyRule>

/** What is taken out of every event of a call before it is sealed in the audit log. */
export const RedactionSpec = z.strictObject({
  /** Where the path begins: in the arguments, in the tool's result, or in the facts of the decision. */
  in: z.enum(['arguments', 'result', 'facts']),
  /** `$`, then any of `.name`, `['name']`, `[3]`, `[*]`, `.*` and `..name` (RFC 9535, that part of it). */
  path: z.string().min(1).max(500),
  /** Only of these tools (glob with `*`); left out: of all. */
  tools: z.array(z.string().min(1)).min(1).optional(),
})
export type RedactionSpec = z.infer<typeof RedactionSpec>

/**
 * A policy document. Strict: an unknown key is an error, because a misspelt rule that does nothing is worse than none.
 * All matching rules of all documents count: deny beats hold beats allow; nothing matching is a deny.
 */
export const ToolPolicy = z.strictObject({
  apiVersion: z.literal('countersign.dev/v1alpha1'),
  kind: z.literal('ToolPolicy'),
  metadata: z.strictObject({
    name: Name,
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.strictObject({
    /** Which servers (glob with `*`) and tenants the rules are for; both default to all. */
    match: z
      .strictObject({
        servers: z.array(z.string().min(1)).min(1).optional(),
        tenants: z.array(z.string().min(1)).min(1).optional(),
      })
      .default({}),
    /** Left out by a document that only redacts. */
    rules: z.array(PolicyRule).max(500).optional(),
    /** Holds in shadow mode too: what was sealed once cannot be taken out any more. */
    redact: z.array(RedactionSpec).max(100).optional(),
    /** `shadow`: decided and recorded, not applied. */
    mode: z.enum(['enforce', 'shadow']).default('enforce'),
  }),
})
export type ToolPolicy = z.infer<typeof ToolPolicy>
