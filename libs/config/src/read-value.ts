import { z } from 'zod'
import { type AboutValue, describeFault } from './describe-fault.ts'

/**
 * Reads a value that people wrote.
 *
 * @param about what may be shown of it
 * @throws Error saying in words everything that is wrong, and where
 */
export function readValue<S extends z.ZodType>(schema: S, value: unknown, about: AboutValue = {}): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => {
    const place = z.core.toDotPath(issue.path)
    return `${place === '' ? 'it' : place} ${describeFault(issue, issue.input, about)}`
  })
  throw new Error(faults.join('; '))
}
