import { isWholeCallId } from '../calls/call-ids.ts'
import { CliError, exits } from '../cli-error.ts'
import { checkArguments, type Command, oneOf } from '../command.ts'

export const resolve: Command = {
  name: 'resolve',
  forms: [
    {
      usage: 'resolve <call> --outcome ran|did_not_run --evidence TEXT',
      summary: 'Rule whether a call of unknown outcome ran',
    },
  ],
  details: ['Look at the system the tool changes, and write down what you saw. Operators only.'],
  options: { outcome: { type: 'string' }, evidence: { type: 'string' } },
  optionHelp: { '--outcome': 'ran or did_not_run', '--evidence TEXT': 'how you know' },
  async run({ args, out, client, option }) {
    checkArguments(args, 1, 1, 'resolve')
    const evidence = option('evidence')
    const outcome = oneOf(option('outcome'), ['ran', 'did_not_run'], '--outcome')
    if (!evidence)
      throw new CliError(exits.usage, '--evidence is missing', {
        next: 'write how you know: the ruling is kept with the call',
      })
    const callId = args[0]!.toLowerCase()
    if (!isWholeCallId(callId)) {
      throw new CliError(exits.usage, `"${args[0]}" is not the whole id of a call, and a ruling is final`, {
        next: `see the whole id with: countersign call ${args[0]}`,
      })
    }
    const console = await client('operator')
    const answer = await console.post(`/calls/${callId}/resolution`, { outcome, evidence })
    if (out.forPrograms) out.json(answer)
    out.line(`call ${callId} is resolved: it ${outcome === 'ran' ? 'ran' : 'did not run'}`)
    return exits.ok
  },
}
