import { setTimeout } from 'node:timers/promises'
import type { IndexStatus } from '@countersign/contracts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { count } from '../output/times.ts'

const lookEveryMs = 500

/** `countersign audit reindex`: makes the index anew from the log, and shows how far it is. */
export async function auditReindex({ args, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 1, 1, 'audit reindex')
  const console = await client('operator')
  let status = await console.post<IndexStatus>('/audit/index/rebuild', {})
  // What is sealed while it goes on is not waited for.
  const { size } = status
  while (status.indexed < size) {
    if (status.problem !== null) {
      throw new CliError(exits.negative, `the index does not follow the log: ${status.problem}`, {
        next: 'it is tried again by itself; look at the log of audit',
      })
    }
    out.progress(`${status.indexed} of ${count(size, 'record')}`)
    await setTimeout(lookEveryMs)
    status = await console.get<IndexStatus>('/audit/index')
  }
  if (out.forPrograms) out.json(status)
  out.line(`${count(size, 'record')} indexed`)
  return exits.ok
}
