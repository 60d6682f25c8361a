import type { SubjectView } from '@countersign/contracts'
import type { Client } from '../connect/client.ts'
import { logMayHave } from './log-may-have.ts'

/**
 * Whether there is anything of a subject: keys of its content, or records of its calls. Where that cannot be found out it is taken to be known.
 *
 * @param keys of the subject
 */
export async function isKnownSubject(
  client: Client,
  { subject, keys }: Pick<SubjectView, 'subject' | 'keys'>,
): Promise<boolean> {
  return keys.length > 0 || (await logMayHave(client, 'principal', subject))
}

/** Says that there is nothing of a subject that is not known. */
export function nothingUnder(subject: string): string {
  return `The log has nothing under the name ${subject} (those that it has: countersign audit top principal)`
}
