import type { CallStory } from '@countersign/contracts'
import { behindLine } from '../behind-line.ts'
import { resolveCallId } from '../call-ids.ts'
import { type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { stateCell } from '../state-cell.ts'
import { dateAndClock } from '../times.ts'

/** `countersign audit story <call>`: one call from end to end, as the sealed log tells it. */
export async function auditStory({ args, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 2, 2, 'audit story')
  const console = await client('operator')
  const story = await console.get<CallStory>(`/audit/calls/${await resolveCallId(console, args[1]!, 'all')}`)
  if (out.forPrograms) {
    out.json(story)
    return exits.ok
  }
  const { call, method, traceId, groups, agents, rules, approvals, outcome, steps } = story
  out.line(
    { text: `${call.principal} called ${call.server}: ${call.tool}`, style: 'strong' },
    '  ',
    stateCell(call.state),
  )
  const optional = (name: string, value: string | undefined) => (value ? [[name, value] as const] : [])
  out.fields([
    ['call', call.callId],
    ['digest', call.digest],
    ...optional('method', method),
    ...optional('trace', traceId),
    ['through', agents.join(', ')],
    ...optional('groups', groups?.join(', ')),
    ...rules.map(
      ({ policy, rule, effect, policyRevision }) =>
        ['rule', `${policy}/${rule}: ${effect}, of policies ${policyRevision}`] as const,
    ),
    ...approvals.map(({ approver, vote, at }) => ['vote', `${approver}: ${vote}, ${dateAndClock(at)}`] as const),
    ...optional('reason', outcome?.reason && `${outcome.reason.code}: ${outcome.reason.message}`),
  ])
  out.line()
  out.table(
    [{ head: 'INDEX', align: 'right' }, { head: 'TIME' }, { head: 'EVENT' }, { head: 'BY', shrinks: true }],
    steps.map(({ index, event, storedAt, who }) => [
      String(index),
      dateAndClock(storedAt),
      stateCell(event),
      who?.actor ?? '',
    ]),
  )
  const behind = behindLine(story)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}
