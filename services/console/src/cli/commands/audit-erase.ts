import type { ErasureView, SubjectView } from '@countersign/contracts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { confirm } from '../questions/confirm.ts'
import { isKnownSubject, nothingUnder } from '../audit/is-known-subject.ts'
import { printable } from '../output/printable.ts'
import { count } from '../output/times.ts'

/** `countersign audit erase`: erases the content of the calls of a subject. */
export async function auditErase({ args, option, flag, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 1, 1, 'audit erase')
  const [subject, reason] = [option('subject'), option('reason')]
  if (!subject) throw new CliError(exits.usage, '--subject is missing: on whose behalf the calls were made')
  if (!reason) throw new CliError(exits.usage, '--reason is missing: it is recorded with the erasure')
  const console = await client('operator')
  const view = await console.get<SubjectView>('/audit/subjects', { subject })
  if (!flag('yes')) await confirm(await whatIsErased(console, view), 'Write the subject to go on:', subject)
  const erased = await console.post<ErasureView>('/audit/erasures', { subject, reason })
  if (out.forPrograms) out.json(erased)
  if (erased.keys > 0)
    out.line(
      { text: 'erased', style: 'good' },
      `: ${count(erased.keys, 'key')} of ${subject}, recorded as ${erased.id}`,
    )
  else
    out.line({ text: 'nothing was there to erase', style: 'warn' }, `: ${subject} has no key; recorded as ${erased.id}`)
  if (!erased.settled) {
    out.line({ text: 'the search index or the record of it lags; ', style: 'warn' }, 'both are caught up by themselves')
  }
  out.line(
    'Not reached: events of calls that run or ended minutes ago, until they are purged from CALLS; copies elsewhere',
  )
  return exits.ok
}

/** What goes when it is erased, or that there is nothing: the name may be mistyped, or all of it erased before. */
async function whatIsErased(console: Client, view: SubjectView): Promise<string> {
  const subject = printable(view.subject)
  if (view.keys.length > 0) {
    return `This erases ${count(view.keys.length, 'key')} of ${subject}, and with them the arguments and results of their calls, for good`
  }
  return (await isKnownSubject(console, view))
    ? `There is nothing of ${subject} left to erase: no content of their calls has a key`
    : nothingUnder(subject)
}
