import type { ParseArgsOptionsConfig } from 'node:util'
import type { CallEventName } from '@countersign/contracts'
import type { Terminal } from './questions/ask.ts'
import { CliError, type Exit, exits } from './cli-error.ts'
import type { Client } from './connect/client.ts'
import type { Identity, Where } from './connect/find-console.ts'
import type { Output } from './output/output.ts'

/** What a command is given. */
export interface Invocation {
  /** Arguments after the command's name. */
  args: readonly string[]
  option: (name: string) => string | undefined
  flag: (name: string) => boolean
  out: Output
  /** Where a person can be asked; undefined where nobody is. */
  terminal: Terminal | undefined
  /** A client for the console; `usual` is the identity where none was asked for. */
  client: (usual: Identity) => Promise<Client>
  /** A client that sees the most that can be seen from here: only for finding out, never for acting. */
  observer: () => Promise<Client>
  where: Where
  nowMs: number
}

/** One way to write a command. */
export interface Form {
  /** Without `countersign`: the words that name it, then what it takes. */
  usage: string
  summary: string
  /** Those of the command's options that it takes; left out, all of them. */
  options?: readonly string[]
  /** What options mean to this form that mean something else to others. */
  optionHelp?: Readonly<Record<string, string>>
}

/** One command of `countersign`. */
export interface Command {
  name: string
  forms: readonly Form[]
  /** More lines for `countersign help <command>`. */
  details?: readonly string[]
  options?: ParseArgsOptionsConfig
  /** `--state` is also the state of a call here. */
  hasStates?: true
  optionHelp?: Readonly<Record<string, string>>
  run: (invocation: Invocation) => Promise<Exit>
}

/** @throws CliError when the number of arguments is not right */
export function checkArguments(args: readonly string[], least: number, most: number, command: string): void {
  if (args.length >= least && args.length <= most && args.every((each) => each !== '')) return
  let what = 'an argument is empty'
  if (args.length < least) what = 'an argument is missing'
  if (args.length > most) what = `"${args[most]}" is one argument too many`
  throw new CliError(exits.usage, `${command}: ${what}`)
}

/** Where a call can stand: the names of the event table, which is not loaded here because the command has to start fast. */
export const callStates = [
  'requested',
  'held',
  'previewed',
  'voted',
  'allowed',
  'denied',
  'cancelled',
  'dispatched',
  'succeeded',
  'failed',
  'unknown',
  'resolved',
] as const satisfies readonly CallEventName[]

/**
 * One of a few words.
 *
 * @param what is to be one of them: an option, or a form of the command
 * @throws CliError for another one
 */
export function oneOf<T extends string>(value: string | undefined, allowed: readonly T[], what: string): T {
  const found = allowed.find((each) => each === value)
  if (found !== undefined) return found
  const instead = value ? `, and "${value}" is not` : ''
  throw new CliError(exits.usage, `${what} must be one of: ${allowed.join(', ')}${instead}`)
}

/** A whole number from 1 to `most`. @throws CliError for anything else */
export function countOf(value: string | undefined, option: string, most: number): number | undefined {
  if (value === undefined) return undefined
  const count = Number(value)
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw new CliError(exits.usage, `--${option} must be a whole number from 1 to ${most}`)
  return count
}
