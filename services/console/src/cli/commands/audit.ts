import type { SealedRecord } from '@countersign/contracts'
import { auditFilterHelp, auditFilterOptions, auditFilters } from '../audit-filters.ts'
import { behindLine } from '../behind-line.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { shortIds } from '../call-ids.ts'
import { type Command, countOf, type Invocation } from '../command.ts'
import { recordColumns, recordRow } from '../record-row.ts'

/** What `audit` does besides listing records. Loaded when asked for: some need more than the API. */
const parts: Record<string, () => Promise<(invocation: Invocation) => Promise<Exit>>> = {
  story: async () => (await import('./audit-story.ts')).auditStory,
  counts: async () => (await import('./audit-counts.ts')).auditCounts,
  top: async () => (await import('./audit-top.ts')).auditTop,
  export: async () => (await import('./audit-export.ts')).auditExport,
  reindex: async () => (await import('./audit-reindex.ts')).auditReindex,
  verify: async () => (await import('./audit-verify.ts')).auditVerify,
  prove: async () => (await import('./audit-prove.ts')).auditProve,
  exports: async () => (await import('./audit-exports.ts')).auditExports,
  erase: async () => (await import('./audit-erase.ts')).auditErase,
  hold: async () => (await import('./audit-hold.ts')).auditHold,
}

export const audit: Command = {
  name: 'audit',
  usage: [
    'audit [--principal NAME] [--outcome EVENT] [--text WORDS] …',
    'audit story <call>',
    'audit counts [--bucket 1h] [--of calls|records] …',
    'audit top principal|agent|server|tool|state|code|rule|approver …',
    'audit export --out FILE [--format jsonl|csv|parquet] …',
    'audit reindex',
    'audit verify [FOLDER | URL | PROOF] [--key KEY] [--witness KEY] [--subject-keys DIR --kek FILE]',
    'audit prove <call> [--out FILE] [--log FOLDER | URL]',
    'audit exports [retry <name> | discard <name>]',
    'audit erase --subject PRINCIPAL --reason TEXT [--yes]',
    'audit hold place (--subject PRINCIPAL | --whole-tenant) --reason TEXT',
    'audit hold lift <id> --reason TEXT',
    'audit hold list',
  ],
  summary:
    'The sealed log, newest first; ask, count, export, send; verify it offline; prove what it says; erase content',
  options: {
    ...auditFilterOptions,
    limit: { type: 'string' },
    cursor: { type: 'string' },
    bucket: { type: 'string' },
    of: { type: 'string' },
    format: { type: 'string' },
    key: { type: 'string' },
    witness: { type: 'string' },
    out: { type: 'string' },
    log: { type: 'string' },
    'subject-keys': { type: 'string' },
    kek: { type: 'string' },
    subject: { type: 'string' },
    reason: { type: 'string' },
    yes: { type: 'boolean' },
    'whole-tenant': { type: 'boolean' },
  },
  optionHelp: {
    ...auditFilterHelp,
    '--limit N': 'at most so many (20; top 10)',
    '--cursor TEXT': 'go on where the page before ended',
    '--bucket LENGTH': 'count by 1m, 5m, 15m, 1h, 6h or 1d',
    '--format FORMAT': 'jsonl, csv or parquet; left out, as the name of the file ends',
    '--key KEY': 'verifier key to trust, or a file with some; left out, those beside the log',
    '--witness KEY': 'verifier key of a witness that must have cosigned, or a file with some, or with a witness policy',
    '--subject-keys DIR, --kek FILE':
      'open what is encrypted, to see that it is what was sealed; the log verifies without',
    '--out FILE': 'where the export or the proof goes; a proof left out, <call>.proof.json',
    '--log FOLDER | URL': 'prove from a copy of the log and not by the console; with the whole id of the call',
    '--subject PRINCIPAL': 'on whose behalf the calls were made',
    '--whole-tenant': 'the hold is over everything of the tenant',
    '--reason TEXT': 'why it is erased, held or lifted; it is recorded',
    '--yes': 'do not ask before erasing',
  },
  async run(invocation) {
    const { args, out, client, option } = invocation
    const [name] = args
    if (name !== undefined) {
      const part = Object.hasOwn(parts, name) ? parts[name] : undefined
      if (!part) throw new CliError(exits.usage, `audit: there is no "audit ${name}"`)
      return (await part())(invocation)
    }
    const console = await client('operator')
    const answer = await console.get<{ records: SealedRecord[]; next?: string; size?: number; indexed?: number }>(
      '/audit/records',
      {
        ...(await auditFilters(invocation, console)),
        limit: countOf(option('limit'), 'limit', 1000) ?? 20,
        cursor: option('cursor'),
      },
    )
    if (out.forPrograms) out.json(answer)
    const { records, next } = answer
    if (records.length === 0) out.line('no records')
    else {
      const shortId = shortIds(records.flatMap(({ record: { callId } }) => callId ?? []))
      out.table(
        recordColumns,
        records.map((sealed) => recordRow(sealed, shortId)),
      )
    }
    if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
    const behind = behindLine(answer)
    if (behind !== undefined) out.line({ text: behind, style: 'warn' })
    return exits.ok
  },
}
