import { CliError } from '../cli-error.ts'

/** One thing that was looked at. */
export interface Finding {
  name: string
  /** `warn` needs a look, `bad` is in the way. */
  verdict: 'good' | 'warn' | 'bad'
  message: string
  /** What to do about it. */
  remedy?: string
}

export const good = (name: string, message: string): Finding => ({ name, verdict: 'good', message })
export const warn = (name: string, message: string, remedy: string): Finding => ({
  name,
  verdict: 'warn',
  message,
  remedy,
})
export const bad = (name: string, message: string, remedy: string): Finding => ({
  name,
  verdict: 'bad',
  message,
  remedy,
})

/**
 * What could not be looked at.
 *
 * @param remedy where the error has none but `doctor`, which whoever reads this runs already
 */
export function failure(name: string, error: unknown, remedy: string): Finding {
  if (!(error instanceof CliError)) throw error
  return bad(name, error.message, error.next && !error.next.includes('countersign doctor') ? error.next : remedy)
}

/** The first few of many, in words. */
export function firstOf(all: readonly string[], most = 3): string {
  const more = all.length - most
  return more > 0 ? `${all.slice(0, most).join(', ')} and ${more} more` : all.join(', ')
}
