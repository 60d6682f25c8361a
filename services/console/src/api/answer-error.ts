import { CountersignError, type ErrorCode, errorRow } from '@countersign/contracts'
import { z } from 'zod'

/** The body of every answer that is not a success. */
export const ErrorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    /** Asking again, unchanged, can succeed and cannot run a tool twice. */
    retryable: z.boolean(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
})
export type ErrorAnswer = z.infer<typeof ErrorAnswer>

/** The body for an error of the table. */
export function errorAnswer({ code, message, details }: CountersignError): ErrorAnswer {
  return { error: { code, message, retryable: errorRow(code).retryable, ...(details ? { details } : {}) } }
}

const notJson = 'the body is not JSON, so nothing was done; send one JSON object'

/** What the HTTP framework refuses by itself, in the words of the error table. */
const frameworkErrors: Record<string, { code: ErrorCode; message: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    message: 'the body is over the limit of this address; send less at once',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    message: 'the body must be JSON; send it with the header "Content-Type: application/json"',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'parse_error',
    message: 'the body is empty, but it is said to be JSON; send an object',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'parse_error', message: notJson },
}

/**
 * Reads any error as one of the table.
 *
 * @param onDefect told of what is our fault; the caller learns no more than that
 */
export function asCountersignError(error: unknown, onDefect: (error: unknown) => void): CountersignError {
  if (error instanceof CountersignError) return error
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  const known = code === undefined ? undefined : frameworkErrors[code]
  if (known) return new CountersignError(known.code, known.message)
  if (error instanceof SyntaxError && statusCode === 400) return new CountersignError('parse_error', notJson)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new CountersignError(
      'invalid_request',
      'this is not a request the console understands, so nothing was done; its OpenAPI description has those it does',
    )
  }
  onDefect(error)
  return new CountersignError(
    'internal',
    'the console could not answer; its log has the details, look there or ask its operator',
  )
}
