import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'

/** The checkout this launcher belongs to. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Where the state lies unless somebody says otherwise. */
export const defaultStateDir = resolve(root, '.countersign')

/** What the launcher was asked for. */
export interface Options {
  fresh: boolean
  stateDir: string
  /** 0 takes a free port. */
  ports: { gateway: number; console: number; nats: number; everything: number }
  /** Settings of the services, by environment variable; what the launcher decides itself comes after them. */
  settings?: Record<string, string>
}

/** Who somebody is and where they look: for the command line, not for the services. */
const personal = new Set(['COUNTERSIGN_TOKEN', 'COUNTERSIGN_CONSOLE_URL'])

export const usage = `npm start [-- options]

  --fresh          begin anew; the earlier state is moved to .countersign.old-<time>
  --state DIR      keep the state in DIR instead of .countersign
  --free-ports     use free ports instead of 7420 (gateway), 7421 (console) and 7422 (NATS)
  --help           show this

Ports can be set with COUNTERSIGN_GATEWAY_PORT, COUNTERSIGN_CONSOLE_PORT and COUNTERSIGN_NATS_PORT; every other setting of the services
(the table in the README) with its variable.
`

/** Thrown for a command line that does not make sense. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/**
 * Reads the command line.
 *
 * @returns undefined when only help was asked for
 * @throws UsageError
 */
export function readOptions(args: string[], env: Record<string, string | undefined>): Options | undefined {
  let values
  try {
    ;({ values } = parseArgs({
      args,
      options: {
        fresh: { type: 'boolean', default: false },
        state: { type: 'string' },
        'free-ports': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }))
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  if (values.help) return undefined
  const port = (name: string, usual: number) => {
    const text = env[name]
    if (text === undefined || text === '') return values['free-ports'] ? 0 : usual
    const number = Number(text)
    if (!Number.isInteger(number) || number < 0 || number > 65535)
      throw new UsageError(`${name} must be a port, not ${text}`)
    return number
  }
  const settings = Object.entries(env).filter(([key]) => key.startsWith('COUNTERSIGN_') && !personal.has(key))
  return {
    settings: Object.fromEntries(settings as [string, string][]),
    fresh: values.fresh,
    stateDir: resolve(values.state ?? defaultStateDir),
    ports: {
      gateway: port('COUNTERSIGN_GATEWAY_PORT', 7420),
      console: port('COUNTERSIGN_CONSOLE_PORT', 7421),
      nats: port('COUNTERSIGN_NATS_PORT', 7422),
      everything: port('COUNTERSIGN_EVERYTHING_PORT', 7430),
    },
  }
}
