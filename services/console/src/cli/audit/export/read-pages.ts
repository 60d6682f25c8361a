import { setTimeout } from 'node:timers/promises'
import type { SealedRecord } from '@countersign/contracts'
import { CliError, exits } from '../../cli-error.ts'
import type { Client } from '../../connect/client.ts'

/** Records of the log, newest first, and how much of it they are about. */
export interface Page {
  records: SealedRecord[]
  next?: string
  size?: number
  indexed?: number
}

const pageSize = 1000
/** A console or an audit that is replaced meanwhile is back within this time. */
const retryMs = [1000, 3000, 10_000]

/**
 * Reads all that matches, a page at a time, of the log as it was with the first. Once there was an answer, one that does not come is waited for.
 *
 * @param onSilence told why there is no answer and in how many ms it is asked for again
 * @param signal ends it between two pages
 * @throws CliError in words for whatever went wrong
 */
export async function* readPages(
  client: Client,
  filters: Record<string, string | undefined>,
  { onSilence, signal }: { onSilence: (why: string, waitMs: number) => void; signal: AbortSignal },
): AsyncGenerator<Page> {
  let cursor: string | undefined
  for (let isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
    const query = { ...filters, cursor, limit: pageSize, purpose: 'export' }
    const page: Page = await patiently(
      () => client.get(`/audit/records`, query),
      isFirst ? [] : retryMs,
      async (why, ms) => {
        onSilence(why, ms)
        await setTimeout(ms, undefined, { signal }).catch(() => {})
      },
    )
    if (signal.aborted) return
    yield page
    cursor = page.next
  }
}

/** Asks again, after each of some times, where nobody answered. */
async function patiently<T>(
  ask: () => Promise<T>,
  [waitMs, ...more]: readonly number[],
  wait: (why: string, ms: number) => Promise<void>,
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const passes = error instanceof CliError && error.exit === exits.unreachable && error.code !== 'unauthenticated'
    if (!passes || waitMs === undefined) throw error
    await wait(error.message, waitMs)
    return patiently(ask, more, wait)
  }
}
