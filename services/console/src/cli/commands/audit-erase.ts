import type { ErasureView, SubjectView } from '@countersign/contracts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { confirm } from '../confirm.ts'
import { printable } from '../printable.ts'
import { count } from '../times.ts'

/** `countersign audit erase`: erases the content of the calls of a subject. */
export async function auditErase({ args, option, flag, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 1, 1, 'audit erase')
  const [subject, reason] = [option('subject'), option('reason')]
  if (!subject) throw new CliError(exits.usage, '--subject is missing: on whose behalf the calls were made')
  if (!reason) throw new CliError(exits.usage, '--reason is missing: it is recorded with the erasure')
  const console = await client('operator')
  const { keys } = await console.get<SubjectView>('/audit/subjects', { subject })
  if (!flag('yes')) {
    const what = `${count(keys.length, 'key')} of ${printable(subject)}, and with them the arguments and results of their calls`
    await confirm(`This erases ${what}, for good. Write the subject to go on:`, subject)
  }
  const erased = await console.post<ErasureView>('/audit/erasures', { subject, reason })
  if (out.forPrograms) out.json(erased)
  out.line({ text: 'erased', style: 'good' }, `: ${count(erased.keys, 'key')} of ${subject}, recorded as ${erased.id}`)
  if (!erased.settled) {
    out.line({ text: 'the search index or the record of it lags; ', style: 'warn' }, 'both are caught up by themselves')
  }
  out.line(
    'Not reached: events of calls that run or ended minutes ago, until they are purged from CALLS; copies elsewhere',
  )
  return exits.ok
}
