import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import type { BusUser } from '@countersign/contracts'

/** The checkout this launcher belongs to. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What is made of this checkout and can be made again. */
export const cacheDir = resolve(root, 'node_modules', '.cache', 'countersign')

/** Where Node keeps what it compiled, for every process of this checkout. */
export const compileCache = resolve(cacheDir, 'compiled')

/** Where the state lies unless somebody says otherwise. */
export const defaultStateDir = resolve(root, '.countersign')

/** What the launcher was asked for. */
export interface Options {
  fresh: boolean
  stateDir: string
  /** 0 takes a free port. */
  ports: { gateway: number; console: number; nats: number; everything: number }
  /** Where the first service answers /livez, /readyz and /metrics; each after it, one port further. Left out: free ports. */
  healthPort?: number
  /** Settings of the services, by environment variable; what the launcher decides itself comes after them. */
  settings?: Record<string, string>
}

/** Not for the services: who somebody is and where they look is for the command line, and one port cannot be for all of them. */
const notPassedOn = new Set(['COUNTERSIGN_TOKEN', 'COUNTERSIGN_CONSOLE_URL', 'COUNTERSIGN_HEALTH_PORT'])

/** In start order. */
export const services = [
  'policy',
  'audit',
  'lifecycle',
  'agent-executor',
  'gateway',
  'console',
] as const satisfies BusUser[]

/** What `--help` shows; a file, so that it can be shown before anything is installed. */
export const usage = readFileSync(new URL('../usage.txt', import.meta.url), 'utf8')

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
  const ports = {
    gateway: port('COUNTERSIGN_GATEWAY_PORT', 7420),
    console: port('COUNTERSIGN_CONSOLE_PORT', 7421),
    nats: port('COUNTERSIGN_NATS_PORT', 7422),
    everything: port('COUNTERSIGN_EVERYTHING_PORT', 7430),
  }
  const settings = Object.entries(env).filter(([key]) => key.startsWith('COUNTERSIGN_') && !notPassedOn.has(key))
  const healthPort = port('COUNTERSIGN_HEALTH_PORT', 0)
  if (healthPort > 65_536 - services.length)
    throw new UsageError(`COUNTERSIGN_HEALTH_PORT is the first of ${services.length} ports; ${healthPort} is too high`)
  refuseSharedPorts(ports, healthPort)
  return {
    ...(healthPort > 0 ? { healthPort } : {}),
    settings: Object.fromEntries(settings as [string, string][]),
    fresh: values.fresh,
    stateDir: resolve(values.state ?? defaultStateDir),
    ports,
  }
}

/** @throws UsageError naming the first port that two things were to listen on */
function refuseSharedPorts(ports: Options['ports'], healthPort: number): void {
  const users = new Map<number, string>(
    healthPort > 0 ? services.map((name, place) => [healthPort + place, `the health of ${name}`]) : [],
  )
  for (const [name, port] of Object.entries(ports)) {
    const other = users.get(port)
    if (port > 0 && other !== undefined) {
      throw new UsageError(`port ${port} is for ${other} and for ${name}; give each a port of its own`)
    }
    users.set(port, name)
  }
}

/** What the service at a place of the start order is told of the environment the launcher was started in. */
export function settingsOf({ settings, healthPort }: Options, place: number): Record<string, string> {
  return {
    ...settings,
    ...(healthPort === undefined ? {} : { COUNTERSIGN_HEALTH_PORT: String(healthPort + place) }),
  }
}
