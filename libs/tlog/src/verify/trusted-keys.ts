import { tenantOfOrigin } from '@countersign/contracts'
import { BadNote } from '../note/note.ts'
import { verifierKey, type VerifierKey } from '../note/keys.ts'

/**
 * The keys that are trusted for one log, under its name. One key signs the logs of all tenants, each under the name of the log, so a key
 * that names no log is trusted for every one. A key that was given out for another log is not: whoever was told how to know theirs
 * would take somebody else's for it.
 *
 * @param given keys of the person who verifies; none: none
 * @throws BadNote when some were given and all of them are for other logs
 */
export function keysForLog(origin: string, given: readonly VerifierKey[]): VerifierKey[] {
  const fit = given.filter(({ name }) => name === origin || tenantOfOrigin(name) === undefined)
  if (given.length > 0 && fit.length === 0) {
    const names = [...new Set(given.map(({ name }) => name))].join(', ')
    throw new BadNote(`it is the log ${origin}, and the key that was given is for another log: ${names}`)
  }
  return fit.map(({ publicKey, type }) => verifierKey(publicKey, origin, type))
}
