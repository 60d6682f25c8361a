import { z } from 'zod'

/** What a service answers on `api.<service>.<verb>`: a value, or an error of the table. */
export const ApiError = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})

export type ApiReply<T> = { ok: true; value: T } | { ok: false; error: z.infer<typeof ApiError> }

/** One verb: its service, and what goes in and comes out. */
export interface ApiVerb<I extends z.ZodType, O extends z.ZodType> {
  service: 'policy' | 'lifecycle' | 'audit'
  verb: string
  input: I
  output: O
}

export function apiVerb<I extends z.ZodType, O extends z.ZodType>(
  service: ApiVerb<I, O>['service'],
  verb: string,
  input: I,
  output: O,
): ApiVerb<I, O> {
  return { service, verb, input, output }
}
