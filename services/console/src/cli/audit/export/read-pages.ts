import { setTimeout } from 'node:timers/promises'
import { CliError, exits } from '../../cli-error.ts'
import type { Client } from '../../connect/client.ts'
import { type Page, pagesOf } from '../pages.ts'

const pageSize = 1000
/** A console or an audit that is replaced meanwhile is back within this time. */
const retryMs = [1000, 3000, 10_000]

/**
 * Reads all that matches, a page at a time, of the log as it was with the first. Once there was an answer, one that does not come is waited for.
 *
 * @param onSilence told why there is no answer and in how many ms it is asked for again
 * @param signal ends it, also while a page is asked for
 * @throws CliError in words for whatever went wrong
 */
export function readPages(
  client: Client,
  filters: Record<string, string | undefined>,
  { onSilence, signal }: { onSilence: (why: string, waitMs: number) => void; signal: AbortSignal },
): AsyncGenerator<Page> {
  const wait = async (why: string, ms: number) => {
    onSilence(why, ms)
    await setTimeout(ms, undefined, { signal })
  }
  return pagesOf(async (cursor) => {
    const query = { ...filters, cursor, limit: pageSize, purpose: 'export' }
    const ask = () => client.get<Page>('/audit/records', query, signal)
    const page = await patiently(ask, cursor === undefined ? [] : retryMs, { wait, signal })
    signal.throwIfAborted()
    return page
  })
}

/** Asks again, after each of some times, where nobody answered. */
async function patiently<T>(
  ask: () => Promise<T>,
  [waitMs, ...more]: readonly number[],
  by: { wait: (why: string, ms: number) => Promise<void>; signal: AbortSignal },
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const passes = error instanceof CliError && error.exit === exits.unreachable && error.code !== 'unauthenticated'
    if (!passes || waitMs === undefined || by.signal.aborted) throw error
    await by.wait(error.message, waitMs)
    return patiently(ask, more, by)
  }
}
