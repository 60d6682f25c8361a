import { isJsonObject, type JsonObject, type SealedRecord } from '@countersign/contracts'
import type { Client } from '../../connect/client.ts'
import { type Page, pagesOf } from '../pages.ts'
import { type CallContent, contentOfCall, joined } from './content-of-call.ts'

/** What an event of a call says, without arguments and result. */
export interface CallEvent {
  index: number
  data: JsonObject
}

/** The records of a call, the newest first; large ones come in more pages than one. */
export async function* pagesOfCall(client: Client, callId: string): AsyncGenerator<SealedRecord[]> {
  const ask = (cursor: string | undefined) => client.get<Page>('/audit/records', { callId, limit: 1000, cursor })
  for await (const { records } of pagesOf(ask)) yield records
}

/** Reads what the records of a call say. Of all its content the newest alone is kept. */
export async function readEvents(
  pages: AsyncIterable<readonly SealedRecord[]>,
): Promise<{ content: CallContent; events: CallEvent[] }> {
  let content = contentOfCall([])
  const events: CallEvent[] = []
  for await (const records of pages) {
    content = joined(content, contentOfCall(records.toReversed()))
    events.push(...records.map(eventOf))
  }
  return { content, events: events.toReversed() }
}

function eventOf({ index, record: { cloudEvent } }: SealedRecord): CallEvent {
  const data = isJsonObject(cloudEvent['data']) ? cloudEvent['data'] : {}
  return {
    index,
    data: Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'arguments' && name !== 'result')),
  }
}
