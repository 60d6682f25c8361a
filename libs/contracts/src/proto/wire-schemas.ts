import type { z } from 'zod'
import { activityEnvelopeSchema } from '../activity/envelope.ts'
import { activityEventNames, activityEvents } from '../activity/events.ts'
import { envelopeSchema } from '../call/envelope.ts'
import { callEventNames, callEvents } from '../call/events.ts'
import { Grant } from '../call/grant.ts'
import { AuditExport } from '../documents/audit-export.ts'
import { AuditRetention } from '../documents/audit-retention.ts'
import { McpServerDocument } from '../documents/mcp-server.ts'
import { ToolPolicy } from '../documents/tool-policy.ts'
import { AuditRecordV2, SealedRecordV2 } from '../record/audit-record-v2.ts'
import { AuditRecordV3, SealedRecordV3 } from '../record/audit-record.ts'
import { CallProof } from '../record/call-proof.ts'
import { LifecycleEvent } from '../record/lifecycle-event.ts'

/** One schema of the wire contract. */
export interface WireSchema {
  /** Without `.json`; the version is part of the name, and a new version is a new file. */
  name: string
  /** `message`: we write it, anybody reads it. `document`: people write it, we read it strictly. */
  role: 'message' | 'document'
  meaning: string
  schema: z.ZodType
}

/** Everything that others may read or write, one file each in `proto/schemas/`. */
export const wireSchemas: readonly WireSchema[] = [
  ...callEventNames.map((name) => ({
    name: `${name}.v1`,
    role: 'message' as const,
    meaning: callEvents[name].meaning,
    schema: envelopeSchema(name),
  })),
  {
    name: 'grant.v1',
    role: 'message',
    meaning: 'What `allowed` carries: permission for exactly one call, signed.',
    schema: Grant,
  },
  ...activityEventNames.map((name) => ({
    name: `${name}.v1`,
    role: 'message' as const,
    meaning: activityEvents[name].meaning,
    schema: activityEnvelopeSchema(name),
  })),
  {
    name: 'audit-record.v3',
    role: 'message',
    meaning:
      'What audit seals: one event of a call, or what was done to Countersign itself, with its place in its stream.',
    schema: AuditRecordV3,
  },
  {
    name: 'sealed-record.v3',
    role: 'message',
    meaning: 'A record with its place in the audit log of its tenant.',
    schema: SealedRecordV3,
  },
  {
    name: 'audit-record.v2',
    role: 'message',
    meaning: 'What audit seals: one event of a call, with its place in the stream.',
    schema: AuditRecordV2,
  },
  {
    name: 'sealed-record.v2',
    role: 'message',
    meaning: 'A record with its place in the audit log of its tenant.',
    schema: SealedRecordV2,
  },
  {
    name: 'call-proof.v1',
    role: 'message',
    meaning: 'What the audit log says about a call, with the proof that it does.',
    schema: CallProof,
  },
  {
    name: 'lifecycle-event.v1',
    role: 'message',
    meaning: 'What was done to a tool server, by whom and why.',
    schema: LifecycleEvent,
  },
  {
    name: 'tool-policy.v1alpha1',
    role: 'document',
    meaning: 'A policy document. Unknown members are errors.',
    schema: ToolPolicy,
  },
  {
    name: 'audit-retention.v1alpha1',
    role: 'document',
    meaning: 'How long the content of audit records is kept. Unknown members are errors.',
    schema: AuditRetention,
  },
  {
    name: 'mcp-server.v1beta1',
    role: 'document',
    meaning: 'A tool server document. Unknown members are errors.',
    schema: McpServerDocument,
  },
  {
    name: 'audit-export.v1alpha1',
    role: 'document',
    meaning: 'An export of sealed records. Unknown members are errors.',
    schema: AuditExport,
  },
]
