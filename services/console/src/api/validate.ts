import { CountersignError } from '@countersign/contracts'
import type { z } from 'zod'

/**
 * Checks one part of a request.
 *
 * @throws CountersignError `invalid_params` naming every problem and where it is
 */
export function validate<S extends z.ZodType>(part: 'path' | 'query' | 'body', schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
  const words = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  throw new CountersignError('invalid_params', `the ${part} does not fit: ${words.slice(0, 1000)}`, {
    details: { in: part, problems },
  })
}
