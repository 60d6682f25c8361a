import { auditFilterHelp, auditFilterOptions } from '../audit/filters.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Command, Form, Invocation } from '../command.ts'
import { wordsOf } from '../command-forms.ts'

type Run = (invocation: Invocation) => Promise<Exit>

/** What runs, by the word after `audit`. Loaded when asked for: some need more than the API. */
const parts: Record<string, () => Promise<Run>> = {
  story: async () => (await import('./audit-story.ts')).auditStory,
  counts: async () => (await import('./audit-counts.ts')).auditCounts,
  top: async () => (await import('./audit-top.ts')).auditTop,
  export: async () => (await import('./audit-export.ts')).auditExport,
  reindex: async () => (await import('./audit-reindex.ts')).auditReindex,
  verify: async () => (await import('./audit-verify.ts')).auditVerify,
  consistency: async () => (await import('./audit-consistency.ts')).auditConsistency,
  redaction: async () => (await import('./audit-redaction.ts')).auditRedaction,
  prove: async () => (await import('./audit-prove.ts')).auditProve,
  exports: async () => (await import('./audit-exports.ts')).auditExports,
  erase: async () => (await import('./audit-erase.ts')).auditErase,
  hold: async () => (await import('./audit-hold.ts')).auditHold,
}

const filters = Object.keys(auditFilterOptions)

const forms: readonly Form[] = [
  {
    usage: 'audit [--principal NAME] [--outcome EVENT] [--text WORDS] …',
    summary: 'Sealed records, newest first',
    options: [...filters, 'limit', 'cursor'],
  },
  { usage: 'audit story <call>', summary: 'One call: who, what, approved by whom, with what result', options: [] },
  {
    usage: 'audit counts [--bucket 1h] [--of calls|records] …',
    summary: 'Calls or records over time; left out, of the last day',
    options: [...filters, 'bucket', 'of'],
  },
  {
    usage: 'audit top principal|agent|server|tool|state|code|rule|approver …',
    summary: 'What most calls have in common',
    options: [...filters, 'limit'],
  },
  {
    usage: 'audit export --out FILE [--format jsonl|csv|parquet] …',
    summary: 'Write records to a file',
    options: [...filters, 'out', 'format'],
  },
  { usage: 'audit reindex', summary: 'Make the index of the log anew', options: [] },
  {
    usage:
      'audit verify [FOLDER | URL | PROOF] [--key KEY] [--since CHECKPOINT] [--witness KEY] [--subject-keys DIR --kek FILE]',
    summary: 'Check a log, a copy of it, or a proof, offline',
    options: ['key', 'any-tenant', 'since', 'witness', 'subject-keys', 'kek'],
    optionHelp: { '--since CHECKPOINT': 'a checkpoint of the log that was kept: the log must go on from it' },
  },
  {
    usage: 'audit consistency [--from CHECKPOINT] [--out FILE] [--key KEY]',
    summary: 'Prove that the log goes on from a checkpoint',
    options: ['from', 'out', 'key', 'any-tenant'],
    optionHelp: { '--out FILE': 'where the newest checkpoint is kept; left out, it is not' },
  },
  {
    usage: 'audit prove <call> [--out FILE] [--log FOLDER | URL]',
    summary: 'Write a file that proves what the log says of a call',
    options: ['out', 'log'],
  },
  {
    usage: 'audit redaction salt FILE [--path POINTER] [--seq N] --redaction-key FILE',
    summary: 'The salt of one redaction, to give away',
    options: ['path', 'seq', 'redaction-key'],
  },
  {
    usage: 'audit redaction check FILE [--path POINTER] [--seq N] --salt HEX --original FILE [--key KEY]',
    summary: 'Whether something is what was redacted',
    options: ['path', 'seq', 'salt', 'original', 'key', 'any-tenant'],
  },
  {
    usage: 'audit exports [retry <name> | discard <name>]',
    summary: 'Where records are sent, and what was refused there',
    options: [],
  },
  {
    usage: 'audit erase --subject PRINCIPAL --reason TEXT [--yes]',
    summary: 'Erase the content of the calls of a subject, for good',
    options: ['subject', 'reason', 'yes'],
  },
  {
    usage: 'audit hold place (--subject PRINCIPAL | --call ID | --whole-tenant) --reason TEXT [--yes]',
    summary: 'Keep content from being erased',
    options: ['subject', 'call', 'whole-tenant', 'reason', 'yes'],
  },
  { usage: 'audit hold lift <id> --reason TEXT', summary: 'End a legal hold', options: ['reason'] },
  { usage: 'audit hold list', summary: 'Legal holds in force', options: [] },
]

export const audit: Command = {
  name: 'audit',
  forms,
  details: ['Where … stands, any of the filters may follow: --call to --until, as far as they are listed here.'],
  options: {
    ...auditFilterOptions,
    limit: { type: 'string' },
    cursor: { type: 'string' },
    bucket: { type: 'string' },
    of: { type: 'string' },
    format: { type: 'string' },
    key: { type: 'string' },
    'any-tenant': { type: 'boolean' },
    from: { type: 'string' },
    path: { type: 'string' },
    seq: { type: 'string' },
    salt: { type: 'string' },
    original: { type: 'string' },
    'redaction-key': { type: 'string' },
    witness: { type: 'string' },
    out: { type: 'string' },
    log: { type: 'string' },
    'subject-keys': { type: 'string' },
    kek: { type: 'string' },
    subject: { type: 'string' },
    reason: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
    'whole-tenant': { type: 'boolean' },
  },
  optionHelp: {
    ...auditFilterHelp,
    '--limit N': 'at most so many (20; top 10)',
    '--cursor TEXT': 'go on where the page before ended',
    '--bucket LENGTH': 'count by 1m, 5m, 15m, 1h, 6h or 1d',
    '--of WHAT': 'calls, by when they were asked for, or records',
    '--format FORMAT': 'jsonl, csv or parquet; left out, as the name of the file ends',
    '--key KEY': 'verifier key to trust, or a file with some; left out, those beside the log',
    '--any-tenant': 'trust the key for the log of any tenant, and not only for that which it names',
    '--from CHECKPOINT': 'a checkpoint of the log that was kept, the file',
    '--path POINTER': 'the place, a JSON Pointer as in the redactions of the record; left out where there is one only',
    '--seq N': 'of which event, by its sequence in the stream; needed where several have the place',
    '--redaction-key FILE': 'what salts are made from: the file COUNTERSIGN_AUDIT_REDACTION_KEY_FILE of audit',
    '--salt HEX': 'of that place, from whoever has the key of redactions',
    '--original FILE': 'what is claimed to have stood there, as JSON or as text',
    '--witness KEY': 'verifier key of a witness that must have cosigned, or a file with some, or with a witness policy',
    '--subject-keys DIR, --kek FILE':
      'open what is encrypted, to see that it is what was sealed; the log verifies without',
    '--out FILE': 'where the export or the proof goes; a proof left out, <call>.proof.json',
    '--log FOLDER | URL': 'prove from a copy of the log and not by the console; with the whole id of the call',
    '--subject PRINCIPAL': 'on whose behalf the calls were made',
    '--whole-tenant': 'the hold is over everything of the tenant',
    '--reason TEXT': 'why it is erased, held or lifted; it is recorded',
    '--yes': 'do not ask before erasing, nor before a hold over a name that is not known',
  },
  async run(invocation) {
    const [name] = invocation.args
    if (name === undefined) return (await import('./audit-list.ts')).auditList(invocation)
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined
    if (part) return (await part())(invocation)
    const known = [...new Set(forms.flatMap((form) => wordsOf(form)[1] ?? []))]
    throw new CliError(
      exits.usage,
      `there is no "audit ${name}"; audit is followed by nothing, or one of: ${known.join(', ')}`,
      {
        next: 'see: countersign help audit',
      },
    )
  },
}
