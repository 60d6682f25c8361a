import { z } from 'zod'

/** `.countersign/local.json` (mode 600): what a person or a test needs to use a running local Countersign. */
export const LocalInfo = z.object({
  gateway: z.url(),
  console: z.url(),
  nats: z.string(),
  tokens: z.object({
    agent: z.string(),
    agent2: z.string(),
    approver: z.string(),
    approver2: z.string(),
    operator: z.string(),
  }),
  natsCreds: z.object({
    auditor: z.object({ user: z.string(), pass: z.string() }),
    /** For programs that read `AUDIT` and nothing else. */
    auditReader: z.object({ user: z.string(), pass: z.string() }),
  }),
  /** The audit log (C2SP tlog-tiles; there once something was sealed), and the key of its checkpoints in the format of signed notes. */
  auditLog: z.object({ dir: z.string(), verifierKey: z.string() }),
})
export type LocalInfo = z.infer<typeof LocalInfo>
