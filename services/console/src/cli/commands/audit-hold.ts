import type { HoldView, SubjectView } from '@countersign/contracts'
import { resolveCallId } from '../calls/call-ids.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { checkArguments, countOf, type Invocation } from '../command.ts'
import { confirm } from '../questions/confirm.ts'
import { isKnownSubject, nothingUnder } from '../audit/is-known-subject.ts'
import { holdScope } from '../audit/hold-scope.ts'
import { printable } from '../output/printable.ts'
import { dateAndClock } from '../output/times.ts'

/** `countersign audit hold place|lift|list`: legal holds, which keep content from being erased. */
export async function auditHold(invocation: Invocation): Promise<Exit> {
  const [, verb] = invocation.args
  if (verb === 'place') return place(invocation)
  if (verb === 'lift') return lift(invocation)
  if (verb === 'list' || verb === undefined) return list(invocation)
  throw new CliError(exits.usage, `audit hold: "${verb}" is not one of place, lift, list`)
}

async function place({ args, option, flag, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 2, 2, 'audit hold place')
  const [subject, call] = [option('subject'), option('call')]
  if ([subject !== undefined, call !== undefined, flag('whole-tenant')].filter(Boolean).length !== 1) {
    throw new CliError(exits.usage, 'say over what: one of --subject PRINCIPAL, --call ID and --whole-tenant')
  }
  const reason = reasonOf(option)
  const console = await client('operator')
  const nobody = subject !== undefined && !(await isKnown(console, subject))
  if (nobody && !flag('yes')) {
    const why = nothingUnder(printable(subject))
    await confirm(why, 'Write the subject to place the hold all the same:', subject)
  }
  const over = call === undefined ? { subject: subject ?? null } : { callId: await resolveCallId(console, call, 'all') }
  const hold = await console.post<HoldView>('/audit/holds', { ...over, reason })
  if (out.forPrograms) out.json(hold)
  const kept = nobody ? 'nothing is there yet, and nothing that comes' : 'nothing of it'
  out.line({ text: 'placed', style: 'good' }, `: legal hold ${hold.id} over ${holdScope(hold)}; ${kept} is erased`)
  return exits.ok
}

async function lift({ args, option, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 3, 3, 'audit hold lift')
  const id = countOf(args[2], 'id', Number.MAX_SAFE_INTEGER)!
  const reason = reasonOf(option)
  const console = await client('operator')
  const hold = await console.post<HoldView>(`/audit/holds/${id}/lifting`, { reason })
  if (out.forPrograms) out.json(hold)
  out.line({ text: 'lifted', style: 'good' }, `: legal hold ${hold.id} over ${holdScope(hold)}`)
  return exits.ok
}

async function list({ args, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 1, 2, 'audit hold')
  const console = await client('operator')
  const answer = await console.get<{ holds: HoldView[] }>('/audit/holds')
  if (out.forPrograms) out.json(answer)
  if (answer.holds.length === 0) out.line('no legal holds')
  else {
    out.table(
      [
        { head: 'ID', align: 'right' },
        { head: 'OVER' },
        { head: 'PLACED' },
        { head: 'BY' },
        { head: 'REASON', shrinks: true },
      ],
      answer.holds.map((hold) => [
        ...[String(hold.id), holdScope(hold), dateAndClock(hold.placedAt)],
        ...[hold.placedBy, hold.reason],
      ]),
    )
  }
  return exits.ok
}

async function isKnown(console: Client, subject: string): Promise<boolean> {
  return isKnownSubject(console, await console.get<SubjectView>('/audit/subjects', { subject }))
}

function reasonOf(option: Invocation['option']): string {
  const reason = option('reason')
  if (!reason) throw new CliError(exits.usage, '--reason is missing: it is recorded with the hold')
  return reason
}
