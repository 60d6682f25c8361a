import type { SealedRecord } from '@countersign/contracts'
import { resolveCallId } from '../call-ids.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command, countOf } from '../command.ts'
import { stateCell } from '../state-cell.ts'
import { dateAndClock, instantOf } from '../times.ts'

export const audit: Command = {
  name: 'audit',
  usage: ['audit [--call ID] [--outcome EVENT] …'],
  summary: 'The sealed log, newest first',
  options: {
    call: { type: 'string' },
    principal: { type: 'string' },
    server: { type: 'string' },
    tool: { type: 'string' },
    outcome: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
  },
  optionHelp: {
    '--call ID': 'only this call',
    '--principal, --server, --tool': 'only records of these',
    '--outcome EVENT': 'only this event: denied, succeeded, failed …',
    '--since, --until TIME': '15m, 2h, 7d ago, or an instant',
    '--limit N': 'at most so many (20)',
    '--cursor TEXT': 'go on where the page before ended',
  },
  async run({ args, out, client, option, nowMs }) {
    checkArguments(args, 0, 0, 'audit')
    const console = await client('operator')
    const [typed, since, until] = [option('call'), option('since'), option('until')]
    const answer = await console.get<{ records: SealedRecord[]; next?: string }>('/audit/records', {
      callId: typed === undefined ? undefined : await resolveCallId(console, typed, 'all'),
      principal: option('principal'),
      server: option('server'),
      tool: option('tool'),
      outcome: option('outcome'),
      since: since === undefined ? undefined : instantOf(since, 'since', nowMs),
      until: until === undefined ? undefined : instantOf(until, 'until', nowMs),
      limit: countOf(option('limit'), 'limit', 1000) ?? 20,
      cursor: option('cursor'),
    })
    if (out.forPrograms) out.json(answer)
    const { records, next } = answer
    if (records.length === 0) out.line('no records')
    else {
      out.table(
        [
          { head: 'INDEX', align: 'right' },
          { head: 'TIME' },
          { head: 'EVENT' },
          { head: 'SERVER' },
          { head: 'TOOL', shrinks: true },
          { head: 'WHO', shrinks: true },
          { head: 'CALL' },
        ],
        records.map(({ index, record: { storedAt, event, server, callId, cloudEvent } }) => {
          const { tool, principal } = (cloudEvent.data ?? {}) as { tool?: string; principal?: string }
          return [String(index), dateAndClock(storedAt), stateCell(event), server, tool ?? '', principal ?? '', callId]
        }),
      )
    }
    if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
    return exits.ok
  },
}
