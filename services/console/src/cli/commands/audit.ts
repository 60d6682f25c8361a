import type { SealedRecord } from '@countersign/contracts'
import { resolveCallId } from '../call-ids.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command, countOf } from '../command.ts'
import { recordColumns, recordRow } from '../record-row.ts'
import { instantOf } from '../times.ts'

export const audit: Command = {
  name: 'audit',
  usage: [
    'audit [--call ID] [--outcome EVENT] …',
    'audit verify [FOLDER | URL | PROOF] [--key KEY] [--witness KEY]',
    'audit prove <call> [--out FILE] [--log FOLDER | URL]',
  ],
  summary: 'The sealed log, newest first; verify it offline; prove what it says about a call',
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
    key: { type: 'string' },
    witness: { type: 'string' },
    out: { type: 'string' },
    log: { type: 'string' },
  },
  optionHelp: {
    '--call ID': 'only this call',
    '--principal, --server, --tool': 'only records of these',
    '--outcome EVENT': 'only this event: denied, succeeded, failed …',
    '--since, --until TIME': '15m, 2h, 7d ago, or an instant',
    '--limit N': 'at most so many (20)',
    '--cursor TEXT': 'go on where the page before ended',
    '--key KEY': 'verifier key to trust, or a file with some; left out, those beside the log',
    '--witness KEY': 'verifier key of a witness that must have cosigned, or a file with some, or with a witness policy',
    '--out FILE': 'where the proof goes; left out, <call>.proof.json',
    '--log FOLDER | URL': 'prove from a copy of the log and not by the console',
  },
  async run(invocation) {
    const { args, out, client, option, nowMs } = invocation
    if (args[0] === 'verify') return (await import('./audit-verify.ts')).auditVerify(invocation)
    if (args[0] === 'prove') return (await import('./audit-prove.ts')).auditProve(invocation)
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
        recordColumns,
        records.map((sealed) => recordRow(sealed)),
      )
    }
    if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
    return exits.ok
  },
}
