import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Command } from '../command.ts'
import type { Output } from '../output.ts'

const common: readonly (readonly [string, string])[] = [
  ['--json', 'answer for programs, on one line; errors too ({code, message, next}, on stderr)'],
  ['--as NAME', 'who asks: agent, agent2, approver, approver2 or operator'],
  ['--state DIR', 'the state folder of the Countersign to speak to'],
]
const alone: readonly (readonly [string, string])[] = [['--version', 'the version of this command']]

/** Shows what there is. */
export function showHelp(out: Output, all: readonly Command[]): Exit {
  out.line('countersign: approve, watch and ask about what AI agents do')
  out.line()
  const lines = all.flatMap(({ usage, summary }) =>
    usage.map((text, place) => [text, place === 0 ? summary : ''] as const),
  )
  list(out, lines)
  out.line()
  list(out, [...common, ...alone])
  out.line()
  out.line(
    'A call may be named by the beginning of its id. Exit codes: 0 yes, 1 no, 2 wrong usage, 3 not reachable, 4 not found, 130 Ctrl-C.',
  )
  out.line('More about a command: countersign help <command>')
  return exits.ok
}

/** Shows all about one command. */
export function showCommand(out: Output, { usage, summary, details = [], optionHelp = {} }: Command): Exit {
  for (const text of usage) out.line({ text: `countersign ${text}`, style: 'strong' })
  out.line()
  out.line(summary)
  for (const line of details) out.line(line)
  out.line()
  list(out, [...Object.entries(optionHelp), ...common])
  return exits.ok
}

function list(out: Output, rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([text]) => text.length))
  for (const [text, words] of rows)
    out.line('  ', words === '' ? text : text.padEnd(width + 2), { text: words, style: 'faint' })
}

export const help: Command = {
  name: 'help',
  usage: ['help [command]'],
  summary: 'What there is, or more about one command',
  async run({ args, out }) {
    const { commands, findCommand } = await import('./all.ts')
    const [name] = args
    if (name === undefined) return showHelp(out, commands)
    const command = findCommand(name)
    if (!command) throw new CliError(exits.usage, `there is no command "${name}"`, { next: 'see: countersign help' })
    return showCommand(out, command)
  },
}
