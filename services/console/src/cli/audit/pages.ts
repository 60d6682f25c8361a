import type { SealedRecord } from '@countersign/contracts'

/** Records of the log, newest first, and how much of it they are about. */
export interface Page {
  records: SealedRecord[]
  next?: string
  size?: number
  indexed?: number
}

/** All pages there are. @param ask asks for what comes after a cursor, and for the first without one */
export async function* pagesOf(ask: (cursor: string | undefined) => Promise<Page>): AsyncGenerator<Page> {
  let cursor: string | undefined
  do {
    const page = await ask(cursor)
    yield page
    cursor = page.next
  } while (cursor !== undefined)
}
