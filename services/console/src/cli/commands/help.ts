import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Command, Form } from '../command.ts'
import { formsMeant, wordsOf } from '../command-forms.ts'
import type { Output } from '../output/output.ts'

const common: readonly (readonly [string, string])[] = [
  ['--json', 'answer for programs, on one line; errors ({code, message, next}) on stderr'],
  ['--as NAME', 'who asks: agent, agent2, approver, approver2 or operator'],
  ['--state DIR', 'the state folder of the Countersign to speak to'],
]
const alone: readonly (readonly [string, string])[] = [['--version', 'the version of this command']]

/** Shows what there is. */
export function showHelp(out: Output, all: readonly Command[]): Exit {
  out.line('countersign: approve, watch and ask about what AI agents do')
  out.line()
  list(
    out,
    all.flatMap(({ forms }) => forms.map((form) => [shortUsage(form), form.summary] as const)),
  )
  out.line()
  list(out, [...common, ...alone])
  out.line()
  out.line('A call may be named by the beginning of its id.')
  out.line('Exit codes: 0 yes, 1 no, 2 wrong usage, 3 not reachable, 4 not found, 130 Ctrl-C.')
  out.line('More about a command, with its options: countersign help <command>')
  return exits.ok
}

/** A form without its options: its name, and what it is about. */
function shortUsage(form: Form): string {
  const words = wordsOf(form)
  const about = form.usage.split(' ')[words.length]
  const follow = form.usage.includes(' --follow') ? ['--follow'] : []
  return [...words, ...(about !== undefined && /^[<[][a-z]+[>\]]$/.test(about) ? [about] : follow)].join(' ')
}

/**
 * Shows all about a command, or about those of its forms that somebody means.
 *
 * @param words after the command
 */
export function showCommand(out: Output, command: Command, words: readonly string[]): Exit {
  const forms = words.length === 0 ? command.forms : formsMeant(command, words)
  for (const { usage, summary } of forms) {
    out.line({ text: `countersign ${usage}`, style: 'strong' })
    out.line('  ', summary)
  }
  out.line()
  const { details = [], options = {}, optionHelp = {} } = command
  for (const line of details) out.line(line)
  if (details.length > 0) out.line()
  const own = forms.flatMap((form) => Object.entries(form.optionHelp ?? {}))
  const taken = forms.flatMap((form) => {
    const told = Object.keys(form.optionHelp ?? {}).flatMap(optionsIn)
    return (form.options ?? Object.keys(options)).filter((name) => !told.includes(name))
  })
  const helped = Object.entries(optionHelp).filter(([names]) => optionsIn(names).some((name) => taken.includes(name)))
  list(out, [...own, ...helped, ...common])
  return exits.ok
}

function optionsIn(names: string): string[] {
  return Array.from(names.matchAll(/--([a-z-]+)/g), ([, name]) => name!)
}

function list(out: Output, rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([text]) => text.length))
  for (const [text, words] of rows)
    out.line('  ', words === '' ? text : text.padEnd(width + 2), { text: words, style: 'faint' })
}

export const help: Command = {
  name: 'help',
  forms: [{ usage: 'help [command]', summary: 'What there is, or more about one command' }],
  async run({ args, out }) {
    const { commands, findCommand } = await import('./all.ts')
    const [name, ...words] = args
    if (name === undefined) return showHelp(out, commands)
    const command = findCommand(name)
    if (!command) throw new CliError(exits.usage, `there is no command "${name}"`, { next: 'see: countersign help' })
    return showCommand(out, command, words)
  },
}
