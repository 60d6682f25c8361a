import { RecordedCallFields, verbs, isJsonObject, type JsonObject, JsonObjectSchema } from '@countersign/contracts'
import { z } from 'zod'

const { callId, server, tool, principal, digest } = RecordedCallFields.shape

/** Why an answer has not all. */
export const Incomplete = z
  .string()
  .optional()
  .describe(
    'Why this is not all: audit does not answer, so only what the bus still has could be looked at; or it is more than one answer has',
  )

/** One call in a list. */
export const CallItem = verbs.audit.calls.output.shape.calls.element

/** One call's history, oldest first. */
export const CallAnswer = z.object({
  callId,
  state: z.string(),
  server,
  tool,
  principal,
  digest,
  events: z.array(
    z.object({
      /** Sequence in the stream. */
      seq: z.int(),
      event: z.string(),
      time: z.string(),
      source: z.string(),
      data: JsonObjectSchema.meta({ type: 'object' }),
      traceparent: z.string().optional(),
    }),
  ),
  incomplete: Incomplete,
})
export type CallAnswer = z.infer<typeof CallAnswer>

/** What the live feed says of one event of a call. */
export const CallNews = z.object({
  callId,
  event: z.string(),
  server,
  tool,
  principal,
  time: z.string(),
  /** Reason or error code, for events that say that something did not go well. */
  code: z.string().optional(),
})
export type CallNews = z.infer<typeof CallNews>

/** The groups that may vote, from the data of a `held` event; empty for anything else. */
export function approverGroupsOf(data: JsonObject): string[] {
  const groups = isJsonObject(data.approval) ? data.approval.groups : undefined
  return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : []
}
