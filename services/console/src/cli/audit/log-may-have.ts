import { CliError } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'

/** What is looked at of a page of records. */
interface Page {
  records: unknown[]
  size?: number
  indexed?: number
}

/**
 * Whether the log has, or may have, records under a name. Nothing found is a proof only when all of the log was looked at: where the index is behind, does not
 * say how far it is, or takes too long, the name may be there.
 *
 * @param filter a filter of the API, e.g. `principal`
 */
export async function logMayHave(client: Client, filter: string, name: string): Promise<boolean> {
  try {
    const { records, size, indexed } = await client.get<Page>('/audit/records', { [filter]: name, limit: 1 })
    return records.length > 0 || size === undefined || indexed === undefined || indexed < size
  } catch (error) {
    if (error instanceof CliError) return true
    throw error
  }
}
