/**
 * `countersign`: the console's API for people at a terminal and for scripts.
 *
 * File map: commands/ has one file a command, listed in commands/all.ts; command.ts is what a command is, command-forms.ts which form of one was meant, cli-error.ts what
 * exit codes mean · connect/ (which console, whose token, HTTP) · output/ (what people see) · questions/ (asked at a terminal) · calls/, audit/, servers/,
 * policies/ and status/ have what the commands of that name share · doctor/ (what is looked at, one file a thing, in the order of doctor/examine.ts).
 * Nothing here imports the bus or the HTTP server: the command starts fast and can do only what the API lets it. `policies check`
 * asks nobody: it judges with the library that policy judges with.
 */
import type { Readable } from 'node:stream'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { CliError, endCodes, type Exit, exits } from './cli-error.ts'
import { Client } from './connect/client.ts'
import { type Command, type Form, oneOf } from './command.ts'
import { commands, findCommand } from './commands/all.ts'
import { showCommand, showHelp } from './commands/help.ts'
import { cliEnvironment } from './config.ts'
import { checkOptions, formsLike, formsMeant, wordsInCommon } from './command-forms.ts'
import { findConsole, identities, type Where } from './connect/find-console.ts'
import { Output, type Sink } from './output/output.ts'
import packageJson from '../../package.json' with { type: 'json' }

/** Options of every command. */
const commonOptions = {
  json: { type: 'boolean' },
  state: { type: 'string', multiple: true },
  as: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig

/** Where answers come from: a terminal, or something that nobody is asked at. */
type Stdin = Readable & { isTTY?: boolean }

/** Runs one command line; returns the exit code. */
export async function run(argv: readonly string[], stdout: Sink, stderr: Sink, stdin?: Stdin): Promise<Exit> {
  const environment = cliEnvironment()
  // A reader that has seen enough (`| head`) is no failure.
  for (const sink of [stdout, stderr])
    sink.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exits.ok : exits.negative))
  const [name, ...rest] = argv
  const command = name === undefined ? undefined : findCommand(name)
  // Until the command line is read, as far as it goes without options.
  const firstOption = rest.findIndex((word) => word.startsWith('-'))
  let meant = command && formsMeant(command, firstOption < 0 ? rest : rest.slice(0, firstOption))
  try {
    const help = new Output(stdout, { json: false, noColor: environment.noColor })
    if (name === undefined || name === '--help' || name === '-h') return showHelp(help, commands)
    if (name === '--version') {
      help.line(`countersign ${packageJson.version}`)
      return exits.ok
    }
    if (!command) throw noCommand(name)
    const { values, positionals } = parse(command, rest)
    meant = formsMeant(command, positionals)
    if (values.help === true) return showCommand(help, command, positionals)
    checkOptions(command, positionals, Object.keys(values))
    const out = new Output(stdout, { json: values.json === true, noColor: environment.noColor })
    const option = (key: string) => (key === 'state' ? callStateOf(values.state) : text(values[key]))
    const as = option('as')
    const where: Where = {
      state: folderOf(command, values.state),
      as: as === undefined ? undefined : oneOf(as, identities, '--as'),
      environment,
      cwd: process.cwd(),
    }
    return await command.run({
      args: positionals,
      option,
      flag: (key) => values[key] === true,
      out,
      terminal: stdin?.isTTY && stdout.isTTY ? { input: stdin, output: stdout } : undefined,
      client: async (usual) => new Client(await findConsole(where, usual)),
      observer: async () => new Client(await findConsole({ ...where, as: where.as && 'operator' }, 'operator')),
      where,
      nowMs: Date.now(),
    })
  } catch (error) {
    // Also where the command line could not be read.
    const json = argv.includes('--json')
    return report(error, new Output(stderr, { json, noColor: environment.noColor }), meant)
  }
}

function noCommand(name: string): CliError {
  if (name.startsWith('-')) {
    return new CliError(exits.usage, `${name} stands where a command has to be: options come after it`, {
      next: 'see: countersign help',
    })
  }
  const [like] = formsLike(commands, name)
  const next = like ? `did you mean: countersign ${like}   all there are: countersign help` : 'see: countersign help'
  return new CliError(exits.usage, `there is no command "${name}"`, { next })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** `--state` names a folder; `calls` also has call states by that name, which are never written like a path. */
function folderOf(command: Command, states: unknown): string | undefined {
  return all(states).findLast((value) => !command.hasStates || isPath(value))
}

function callStateOf(states: unknown): string | undefined {
  return all(states).findLast((value) => !isPath(value))
}

function all(values: unknown): string[] {
  return Array.isArray(values) ? values.map(String) : []
}

function isPath(value: string): boolean {
  return /^\.|[/\\]/.test(value)
}

function parse(command: Command, args: string[]): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args, options: { ...commonOptions, ...command.options }, allowPositionals: true, strict: true })
  } catch (error) {
    const message = (error as Error).message.split('. ')[0]!
    throw new CliError(exits.usage, `${command.name}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`)
  }
}

function report(thrown: unknown, out: Output, meant: readonly Form[] | undefined): Exit {
  const error =
    thrown instanceof CliError
      ? thrown
      : new CliError(exits.negative, `this is a defect: ${(thrown as Error).message}`, { code: 'internal' })
  if (out.forPrograms) {
    const { message, next } = error
    out.json({ code: error.code ?? endCodes[error.exit], message, ...(next === undefined ? {} : { next }) })
    return error.exit
  }
  out.line({ text: 'countersign: ', style: 'bad' }, error.message, error.code ? ` (${error.code})` : '')
  if (error.next) out.line('  ', error.next)
  else if (meant && error.exit === exits.usage) {
    for (const [place, { usage }] of meant.entries())
      out.line(place === 0 ? '  write: ' : '  or:    ', `countersign ${usage}`)
    out.line('  more:  ', `countersign help ${wordsInCommon(meant).join(' ')}`)
  }
  return error.exit
}
