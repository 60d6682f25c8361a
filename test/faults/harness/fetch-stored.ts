import type { Payloads } from '@countersign/bus'
import { History, type HistoryEntry, type PayloadRef } from '@countersign/contracts'

/**
 * Histories as they would be if nothing travelled by reference, so that the rules see arguments and results of any size.
 *
 * @param payloads asked for when something is stored
 * @throws Error for content that is gone or is not what its digest says
 */
export async function fetchStored(
  calls: ReadonlyMap<string, History>,
  payloads: () => Promise<Payloads>,
): Promise<Map<string, History>> {
  const whole = new Map(calls)
  for (const [callId, { entries }] of calls) {
    if (!entries.some((entry) => storedIn(entry).length > 0)) continue
    const fetched: HistoryEntry[] = []
    for (const entry of entries) fetched.push(await fetchEntry(entry, await payloads()))
    whole.set(callId, new History(fetched))
  }
  return whole
}

async function fetchEntry(entry: HistoryEntry, payloads: Payloads): Promise<HistoryEntry> {
  const data: Record<string, unknown> = { ...entry.event.data }
  for (const [member, stored] of storedIn(entry)) data[member] = { inline: await payloads.fetch({ stored }) }
  return { ...entry, event: { ...entry.event, data } as unknown as HistoryEntry['event'] }
}

/** What an event has by reference: `arguments`, `result`. */
function storedIn({ event }: HistoryEntry): [string, PayloadRef][] {
  return Object.entries(event.data).flatMap(([member, value]: [string, unknown]): [string, PayloadRef][] => {
    const { stored } = (value ?? {}) as { stored?: PayloadRef }
    return stored === undefined ? [] : [[member, stored]]
  })
}
