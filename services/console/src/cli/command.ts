import type { ParseArgsOptionsConfig } from 'node:util'
import type { CallEventName } from '@countersign/contracts'
import type { Terminal } from './ask.ts'
import { CliError, type Exit, exits } from './cli-error.ts'
import type { Client } from './client.ts'
import type { Identity, Where } from './find-console.ts'
import type { Output } from './output.ts'

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

/** One command of `countersign`. */
export interface Command {
  name: string
  /** Ways to write it, without `countersign`. */
  usage: readonly string[]
  summary: string
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

/** One of a few words. @throws CliError for another one */
export function oneOf<T extends string>(value: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((each) => each === value)
  if (found === undefined) throw new CliError(exits.usage, `--${option} must be one of: ${allowed.join(', ')}`)
  return found
}

/** A whole number from 1 to `most`. @throws CliError for anything else */
export function countOf(value: string | undefined, option: string, most: number): number | undefined {
  if (value === undefined) return undefined
  const count = Number(value)
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw new CliError(exits.usage, `--${option} must be a whole number from 1 to ${most}`)
  return count
}
