import type { CallAnswer } from '../../api/call-answer.ts'
import { resolveCallId } from '../call-ids.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command } from '../command.ts'
import { describeEvent } from '../describe-event.ts'
import { stateCell } from '../state-cell.ts'
import { clock, dateAndClock } from '../times.ts'

export const call: Command = {
  name: 'call',
  usage: ['call <call>'],
  summary: "One call's full history",
  async run({ args, out, client }) {
    checkArguments(args, 1, 1, 'call')
    const console = await client('operator')
    const answer = await console.get<CallAnswer>(`/calls/${await resolveCallId(console, args[0]!, 'all')}`)
    if (out.forPrograms) {
      out.json(answer)
      return exits.ok
    }
    const { callId, state, server, tool, principal, digest, events } = answer
    out.line({ text: `${principal} called ${server}: ${tool}`, style: 'strong' }, '  ', stateCell(state))
    const [first] = events
    const content = first?.data.arguments
    if (typeof content === 'object' && content !== null && 'inline' in content) out.content(content.inline, '    ')
    out.fields([
      ['call', callId],
      ['digest', digest],
      ['asked', first ? dateAndClock(first.time) : ''],
      ...(first?.traceparent ? [['trace', first.traceparent.split('-')[1] ?? ''] as const] : []),
    ])
    out.line()
    out.table(
      [{ head: 'TIME' }, { head: 'EVENT' }, { head: 'WHAT', shrinks: true }],
      events.map(({ time, event, data }) => [
        { text: sameDay(time, first!.time) ? clock(time) : dateAndClock(time), style: 'faint' },
        stateCell(event),
        describeEvent(event, data),
      ]),
    )
    if (state === 'held' || state === 'previewed' || state === 'voted')
      out.line('', `decide: countersign approve ${callId}`)
    if (state === 'unknown')
      out.line(
        '',
        `find out whether it ran, then: countersign resolve ${callId} --outcome ran|did_not_run --evidence TEXT`,
      )
    return exits.ok
  },
}

/** The local date is the same; where it is not, a time of day would mislead. */
function sameDay(one: string, other: string): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}
