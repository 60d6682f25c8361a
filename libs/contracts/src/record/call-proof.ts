import { z } from 'zod'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** One event of a call with the proof that it is in the log. */
export const ProvenEntry = z.object({
  /** The entry as it was sealed: RFC 8785 form of the record. */
  entry: z.string(),
  /** C2SP tlog-proof: index, inclusion proof, checkpoint. */
  proof: z.string(),
  /** The event, where the entry names it by digest only. */
  content: JsonObjectSchema.meta({ type: 'object' }).optional(),
})

/** A file that proves by itself what the log says about a call; trust comes from knowing one of the keys. */
export const CallProof = z.object({
  format: z.literal('countersign.dev/call-proof/v1'),
  tenant: DnsLabel,
  callId: CallId,
  /** Keys of the log, in the format of signed notes: compare one of them with what you got elsewhere. */
  verifierKeys: z.array(z.string()).min(1),
  /** Oldest first. */
  entries: z.array(ProvenEntry).min(1),
})
export type CallProof = z.infer<typeof CallProof>
