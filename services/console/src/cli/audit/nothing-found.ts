import type { Client } from '../connect/client.ts'
import { logMayHave } from './log-may-have.ts'
import type { Output } from '../output/output.ts'

/** Filters that name something, and the list that shows which there are. */
const named: Readonly<Record<string, { thing: string; list?: string }>> = {
  callId: { thing: 'call' },
  principal: { thing: 'principal', list: 'audit top principal' },
  agent: { thing: 'agent', list: 'audit top agent' },
  server: { thing: 'server', list: 'audit top server' },
  tool: { thing: 'tool', list: 'audit top tool' },
  rule: { thing: 'rule', list: 'audit top rule' },
  approver: { thing: 'approver', list: 'audit top approver' },
}

type Filters = Readonly<Record<string, string | undefined>>

/** Tells that nothing was found, and which of the names that were asked for the log has nothing under: a mistyped one finds nothing either. */
export async function nothingFound(
  out: Output,
  client: Client,
  what: 'records' | 'calls',
  filters: Filters,
): Promise<void> {
  out.line(Object.values(filters).every((value) => value === undefined) ? `no ${what} yet` : `no ${what}`)
  await tellNotInLog(out, client, filters)
}

/**
 * Tells which of the names that were asked for the log has nothing under; says nothing of what may be there.
 *
 * @param filters as the API takes them
 */
export async function tellNotInLog(out: Output, client: Client, filters: Filters): Promise<void> {
  if (out.forPrograms) return
  for (const [name, value] of Object.entries(filters)) {
    const { thing, list } = named[name] ?? {}
    if (thing === undefined || value === undefined || (await logMayHave(client, name, value))) continue
    const which = list === undefined ? '' : `; those that it has: countersign ${list}`
    out.line({ text: `the log has no ${thing} "${value}"${which}`, style: 'warn' })
  }
}
