import type { Page } from '../audit/pages.ts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { shortIds } from '../calls/call-ids.ts'
import { type Exit, exits } from '../cli-error.ts'
import { countOf, type Invocation } from '../command.ts'
import { nothingFound } from '../audit/nothing-found.ts'
import { recordTable } from '../audit/record-table.ts'

/** So many answers are gathered for one list: one of large records has few of them. */
const maxPages = 20

/** `countersign audit`: sealed records, newest first; for programs as one answer has them. */
export async function auditList(invocation: Invocation): Promise<Exit> {
  const { out, client, option } = invocation
  const console = await client('operator')
  const filters = await auditFilters(invocation, console)
  const limit = countOf(option('limit'), 'limit', 1000) ?? 20
  const ask = (limit: number, cursor: string | undefined) =>
    console.get<Page>('/audit/records', { ...filters, limit, cursor })
  const answer = await ask(limit, option('cursor'))
  if (out.forPrograms) {
    out.json(answer)
    return exits.ok
  }
  const { records, next } = await gather(answer, limit, ask)
  if (records.length === 0) await nothingFound(out, console, 'records', filters)
  else {
    const shortId = shortIds(records.flatMap(({ record: { callId } }) => callId ?? []))
    const { columns, rows } = recordTable(records, shortId)
    out.table(columns, rows)
  }
  if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
  const behind = indexBehind(answer)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}

/** Goes on after an answer until there are as many records as were asked for. */
async function gather(
  first: Page,
  limit: number,
  ask: (limit: number, cursor: string) => Promise<Page>,
): Promise<{ records: Page['records']; next: string | undefined }> {
  let { records, next } = first
  for (let pages = 1; pages < maxPages && next !== undefined && records.length < limit; pages++) {
    const page = await ask(limit - records.length, next)
    records = [...records, ...page.records]
    next = page.next
  }
  return { records, next }
}
