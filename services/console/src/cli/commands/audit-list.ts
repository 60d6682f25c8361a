import type { SealedRecord } from '@countersign/contracts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { shortIds } from '../calls/call-ids.ts'
import { type Exit, exits } from '../cli-error.ts'
import { countOf, type Invocation } from '../command.ts'
import { nothingFound } from '../audit/nothing-found.ts'
import { recordTable } from '../audit/record-table.ts'

/** `countersign audit`: sealed records, newest first. */
export async function auditList(invocation: Invocation): Promise<Exit> {
  const { out, client, option } = invocation
  const console = await client('operator')
  const filters = await auditFilters(invocation, console)
  const answer = await console.get<{ records: SealedRecord[]; next?: string; size?: number; indexed?: number }>(
    '/audit/records',
    {
      ...filters,
      limit: countOf(option('limit'), 'limit', 1000) ?? 20,
      cursor: option('cursor'),
    },
  )
  if (out.forPrograms) {
    out.json(answer)
    return exits.ok
  }
  const { records, next } = answer
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
