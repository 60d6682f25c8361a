import { CountersignError, type ToolEntry } from '@countersign/contracts'

/**
 * Makes the offered definition of a tool the pinned one (I13).
 *
 * @param digest of the definition that the person looked at
 * @returns the entry to write; undefined when that definition is pinned already
 * @throws CountersignError `not_found` when nothing waits, `digest_mismatch` when the server offers another one by now
 */
export function acceptOffered(entry: ToolEntry, digest: string, by: string, at: string): ToolEntry | undefined {
  const { offered, ...rest } = entry
  if (!offered) {
    if (entry.state === 'pinned' && entry.pinned?.digest === digest) return undefined
    throw new CountersignError(
      'not_found',
      entry.problem === undefined
        ? `the tool ${entry.name} has no change that waits to be accepted; look at it again`
        : `the definition of ${entry.name} cannot be used (${entry.problem}); the server must mend it first`,
    )
  }
  if (offered.digest !== digest) {
    const message = `the server offers another definition of ${entry.name} by now; look at the change again and accept its digest`
    throw new CountersignError('digest_mismatch', message, { details: { offered: offered.digest } })
  }
  return { ...rest, state: 'pinned', pinned: { definition: offered.definition, digest, at, by } }
}
