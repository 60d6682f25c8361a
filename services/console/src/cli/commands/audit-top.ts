import { topFields, type TopAnswer } from '@countersign/contracts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, countOf, type Invocation, oneOf } from '../command.ts'
import { nothingFound } from '../audit/nothing-found.ts'

/** `countersign audit top <what>`: the values that most calls have. */
export async function auditTop(invocation: Invocation): Promise<Exit> {
  const { args, option, out } = invocation
  checkArguments(args, 2, 2, 'audit top')
  if (args[1] === 'outcome') {
    throw new CliError(exits.usage, 'audit top: what is listed cannot be outcome, which is of single events', {
      next: 'how calls ended is their state: countersign audit top state',
    })
  }
  const by = oneOf(args[1], topFields, 'audit top: what is listed')
  const client = await invocation.client('operator')
  const filters = await auditFilters(invocation, client)
  const answer = await client.get<TopAnswer>('/audit/top', {
    ...filters,
    by,
    limit: countOf(option('limit'), 'limit', 100) ?? 10,
  })
  if (out.forPrograms) out.json(answer)
  else if (answer.top.length === 0) await nothingFound(out, client, 'calls', filters)
  else {
    out.table(
      [
        { head: 'CALLS', align: 'right' },
        { head: by.toUpperCase(), shrinks: true },
      ],
      answer.top.map(({ value, server, calls }) => [
        String(calls),
        server === undefined ? value : `${server}: ${value}`,
      ]),
    )
  }
  const behind = indexBehind(answer)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}
