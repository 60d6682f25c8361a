import type { SubjectView } from '@countersign/contracts'
import { CliError } from './cli-error.ts'
import type { Client } from './client.ts'

/**
 * Whether there is anything of a subject: keys of its content, or records of its calls. Where that cannot be found out it is taken to be known.
 *
 * @param keys of the subject
 */
export async function isKnownSubject(
  client: Client,
  { subject, keys }: Pick<SubjectView, 'subject' | 'keys'>,
): Promise<boolean> {
  if (keys.length > 0) return true
  try {
    const { records } = await client.get<{ records: unknown[] }>('/audit/records', { principal: subject, limit: 1 })
    return records.length > 0
  } catch (error) {
    if (error instanceof CliError) return true
    throw error
  }
}
