import type { ExportsView } from '@countersign/contracts'
import type { Client } from '../connect/client.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { describeExportTrouble } from '../audit/describe-export-trouble.ts'
import { dateAndClock, count } from '../output/times.ts'

/** `countersign audit exports`: where records are sent and how far; and what to do with what was refused for good. */
export async function auditExports({ args, client, out, nowMs }: Invocation): Promise<Exit> {
  const [, action, name] = args
  checkArguments(args, action === undefined ? 1 : 3, action === undefined ? 1 : 3, 'audit exports')
  const console = await client('operator')
  if (action !== undefined) {
    if (action !== 'retry' && action !== 'discard') {
      throw new CliError(
        exits.usage,
        `audit exports: there is nothing called "${action}" to do; write retry or discard`,
      )
    }
    const answer = await settle(console, name!, action)
    if (out.forPrograms) out.json(answer)
    const letters = count(answer.deadLetters, 'dead letter')
    out.line(
      action === 'retry'
        ? `${letters} of ${name} will be sent again`
        : `${letters} of ${name} forgotten; the records are in the log`,
    )
    return exits.ok
  }
  const answer = await console.get<ExportsView>('/audit/exports')
  if (out.forPrograms) out.json(answer)
  if (answer.exports.length === 0) out.line('no exports')
  else {
    const right = (head: string) => ({ head, align: 'right' as const })
    out.table(
      [
        { head: 'NAME' },
        { head: 'TYPE' },
        { head: 'STATE' },
        right('BEHIND'),
        right('SECONDS'),
        right('SENT'),
        right('DEAD'),
        { head: 'LAST SENT' },
      ],
      answer.exports.map(({ name, type, state, lagRecords, lagSeconds, sent, dead, lastSentAt }) => [
        name,
        type,
        { text: state, style: state === 'failing' || state === 'blocked' ? 'bad' : 'good' },
        ...[lagRecords, lagSeconds, sent, dead].map(String),
        lastSentAt === undefined ? '' : dateAndClock(lastSentAt),
      ]),
    )
  }
  for (const trouble of answer.troubles) {
    out.line({ text: describeExportTrouble(trouble, nowMs), style: 'bad' })
    out.line({ text: `  → ${trouble.remedy}`, style: 'faint' })
  }
  for (const { name, dead, deadLetters } of answer.exports) {
    for (const { first, last, reason } of deadLetters) {
      out.line(
        { text: `${name}: `, style: 'warn' },
        `${first === last ? `record ${first}` : `records ${first} to ${last}`} refused: ${reason}`,
      )
    }
    const more = dead - deadLetters.length
    if (more > 0) out.line({ text: `${name}: `, style: 'warn' }, `and ${count(more, 'dead letter')} more`)
  }
  for (const { file, line, column, message } of answer.problems) {
    out.line({ text: 'refused: ', style: 'bad' }, `${file}:${line}:${column}: ${message}`)
  }
  return exits.ok
}

/** @throws CliError that says, for an export that is not there, which are */
async function settle(console: Client, name: string, action: 'retry' | 'discard') {
  try {
    const path = `/audit/exports/${encodeURIComponent(name)}/dead-letters`
    return await console.post<{ name: string; deadLetters: number }>(path, { action })
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'not_found') throw error
    const { exit, message, code } = error
    throw new CliError(exit, message, { code, next: 'list exports with: countersign audit exports' })
  }
}
