import type { VerifierKey, WitnessPolicy } from '@countersign/tlog'
import { CliError, exits } from '../../cli-error.ts'
import type { Invocation } from '../../command.ts'
import { readNamed } from './read-named.ts'

/** A name that names no log: a key under it is trusted for every one. */
const anyLog = 'any'

/**
 * Keys as they were given, one or a file with one a line: each for the log that it names, or with `--any-tenant` for every log.
 *
 * @throws CliError for what is no key
 */
export async function readKeys(
  given: string | undefined,
  { flag, where }: Pick<Invocation, 'flag' | 'where'>,
): Promise<VerifierKey[]> {
  if (given === undefined) return []
  const { parseVerifierKey, verifierKey } = await import('@countersign/tlog')
  const text = await keyOrFile(given, where.cwd, '--key')
  try {
    const keys = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : parseVerifierKey(line)))
    return flag('any-tenant') ? keys.map(({ publicKey, type }) => verifierKey(publicKey, anyLog, type)) : keys
  } catch (error) {
    throw new CliError(exits.usage, `--key must be a verifier key or a file with some: ${(error as Error).message}`)
  }
}

/** Witnesses as they were given: the key of one, or a file with some, or with a policy. */
export async function readWitnesses(given: string | undefined, cwd: string): Promise<WitnessPolicy | undefined> {
  if (given === undefined) return undefined
  const { parseWitnessPolicy } = await import('@countersign/tlog')
  const text = await keyOrFile(given, cwd, '--witness')
  try {
    return parseWitnessPolicy(text)
  } catch (error) {
    const reason = (error as Error).message
    throw new CliError(exits.usage, `--witness must be a verifier key or a file with witnesses: ${reason}`)
  }
}

/** Says what keys that nobody gave are worth. */
export function warnOfKeys(out: Invocation['out']): void {
  out.line(
    { text: 'the keys are those that lie beside it: ', style: 'warn' },
    'who could change it could have put them there. Give one that you got elsewhere with --key',
  )
}

async function keyOrFile(given: string, cwd: string, option: '--key' | '--witness'): Promise<string> {
  if (/^[^+\s]+\+[0-9a-f]{8}\+\S+$/.test(given)) return given
  const what = option === '--key' ? 'a verifier key or a file with some' : 'a verifier key or a file with witnesses'
  return readNamed(given, cwd, `${option} must be ${what}`, exits.usage)
}
