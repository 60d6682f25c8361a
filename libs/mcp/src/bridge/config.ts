import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { childEnv } from './child-env.ts'

/** What the command line of the bridge says, files read. */
export interface BridgeConfig {
  port: number
  token?: string
  cwd?: string
  command: [string, ...string[]]
  env: Record<string, string>
  stopOnStdinClose: boolean
}

/** Thrown for a command line that cannot be used. */
export class UsageError extends Error {
  override name = 'UsageError'
}

const usage =
  'countersign-stdio-bridge --port N [--token-file F] [--environment-file F] [--cwd D] [--stop-on-stdin-close] -- command args…'

/**
 * Reads the command line. Secrets come in files, because a command line can be read by everybody on the machine (I9). (Node itself
 * takes an `--env-file` for its own, even after the name of the script.)
 *
 * @throws UsageError saying what is wrong
 */
export function readBridgeConfig(argv: readonly string[]): BridgeConfig {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        port: { type: 'string' },
        'token-file': { type: 'string' },
        'environment-file': { type: 'string' },
        cwd: { type: 'string' },
        'stop-on-stdin-close': { type: 'boolean', default: false },
      },
    })
    const [program, ...args] = positionals
    if (program === undefined) throw new Error('the command is missing; give it after --')
    const { port, cwd, 'token-file': tokenFile, 'environment-file': envFile } = values
    if (!/^\d{1,5}$/.test(port ?? '') || Number(port) > 65535) {
      throw new Error('--port needs a number from 0 to 65535; 0 takes a free one')
    }
    const token = tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim()
    if (token === '') throw new Error(`the token file ${tokenFile} is empty`)
    return {
      port: Number(port),
      command: [program, ...args],
      env: childEnv(process.env, envFile === undefined ? {} : readEnvFile(envFile)),
      stopOnStdinClose: values['stop-on-stdin-close'],
      ...(token === undefined ? {} : { token }),
      ...(cwd === undefined ? {} : { cwd }),
    }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nusage: ${usage}`, { cause: error })
  }
}

function readEnvFile(path: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // The parser quotes what it read, and here that is secrets (I9).
    throw new Error(`the environment file ${path} cannot be read as JSON`)
  }
  const isStrings =
    typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string')
  if (!isStrings || Array.isArray(value))
    throw new Error(`the environment file ${path} must be a JSON object of strings`)
  return value as Record<string, string>
}
