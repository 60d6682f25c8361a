import { CountersignError } from '@countersign/contracts'
import { describeFaults, faultText, placeText } from '@countersign/documents'
import type { z } from 'zod'

/**
 * Checks one part of a request.
 *
 * @throws CountersignError `invalid_params` naming every problem and where it is
 */
export function validate<S extends z.ZodType>(part: 'path' | 'query' | 'body', schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = describeFaults(schema, parsed.error, value)
  const problems = faults.map(({ path, message }) => ({ path: placeText(path), message }))
  const words = faults.map(faultText).join('; ')
  throw new CountersignError('invalid_params', `the ${part} does not fit: ${words.slice(0, 1000)}`, {
    details: { in: part, problems },
  })
}
