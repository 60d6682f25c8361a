import type { SealedRecord } from '@countersign/contracts'
import { auditFilterHelp, auditFilterOptions, auditFilters } from '../audit-filters.ts'
import { behindLine } from '../behind-line.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
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
    'audit verify [FOLDER | URL | PROOF] [--key KEY] [--witness KEY]',
    'audit prove <call> [--out FILE] [--log FOLDER | URL]',
    'audit exports [retry <name> | discard <name>]',
  ],
  summary: 'The sealed log, newest first; ask, count, export, send; verify it offline; prove what it says about a call',
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
  },
  optionHelp: {
    ...auditFilterHelp,
    '--limit N': 'at most so many (20; top 10)',
    '--cursor TEXT': 'go on where the page before ended',
    '--bucket LENGTH': 'count by 1m, 5m, 15m, 1h, 6h or 1d',
    '--format FORMAT': 'jsonl, csv or parquet; left out, as the name of the file ends',
    '--key KEY': 'verifier key to trust, or a file with some; left out, those beside the log',
    '--witness KEY': 'verifier key of a witness that must have cosigned, or a file with some, or with a witness policy',
    '--out FILE': 'where the export or the proof goes; a proof left out, <call>.proof.json',
    '--log FOLDER | URL': 'prove from a copy of the log and not by the console',
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
      out.table(
        recordColumns,
        records.map((sealed) => recordRow(sealed)),
      )
    }
    if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
    const behind = behindLine(answer)
    if (behind !== undefined) out.line({ text: behind, style: 'warn' })
    return exits.ok
  },
}
