import type { CallAnswer } from '../../api/call-answer.ts'
import { resolveCallId } from '../calls/call-ids.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command } from '../command.ts'
import { describeEvent } from '../calls/describe-event.ts'
import { stateCell } from '../output/state-cell.ts'
import { clock, dateAndClock, sameDay } from '../output/times.ts'
import { nextStep } from '../calls/next-step.ts'

export const call: Command = {
  name: 'call',
  forms: [{ usage: 'call <call>', summary: "One call's full history" }],
  async run({ args, out, client }) {
    checkArguments(args, 1, 1, 'call')
    const console = await client('operator')
    const answer = await console.get<CallAnswer>(`/calls/${await resolveCallId(console, args[0]!, 'all')}`)
    if (out.forPrograms) {
      out.json(answer)
      return exits.ok
    }
    const { callId, state, server, tool, principal, digest, events, incomplete } = answer
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
    if (incomplete !== undefined) out.line({ text: incomplete, style: 'warn' })
    const next = nextStep(state, callId)
    if (next !== undefined) out.line(next)
    return exits.ok
  },
}
