import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { LocalInfo } from '@countersign/contracts'
import { CliError, exits } from '../cli-error.ts'
import type { CliEnvironment } from '../config.ts'
import { type Places, placesIn, unknownPlaces } from './places.ts'

export const identities = ['agent', 'agent2', 'approver', 'approver2', 'operator'] as const
export type Identity = (typeof identities)[number]

/** A console and a token for it. */
export interface Target {
  url: string
  token: string
  /** Whose token it is, where that is known. */
  identity: Identity | undefined
  places: Places
}

/** What says where the console is. */
export interface Where {
  /** `--state`: the folder with `local.json`, or the one it lies in. */
  state: string | undefined
  /** `--as`. */
  as: Identity | undefined
  environment: CliEnvironment
  cwd: string
}

/**
 * Finds the console to speak to: `--state`, then the environment (unless `--as` asks for a local identity), then
 * `.countersign/local.json` in the current folder or one above it.
 *
 * @throws CliError saying where was looked
 */
export async function findConsole(where: Where, usual: Identity): Promise<Target> {
  const { consoleUrl, token } = where.environment
  if (where.state === undefined && where.as === undefined && consoleUrl !== undefined && token !== undefined) {
    return { url: consoleUrl.replace(/\/+$/, ''), token, identity: undefined, places: unknownPlaces }
  }
  const identity = where.as ?? usual
  const { info, places } = await findLocalInfo(where)
  return { url: info.console.replace(/\/+$/, ''), token: info.tokens[identity], identity, places }
}

/** A Countersign on this machine. */
export interface Local {
  /** Of its `local.json`. */
  path: string
  info: LocalInfo
  places: Places
}

/** Finds and reads `local.json`. */
export async function findLocalInfo(where: Pick<Where, 'state' | 'cwd'>): Promise<Local> {
  for (const path of candidates(where)) {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') {
        throw new CliError(exits.unreachable, `${path} may not be read by you`, {
          next: 'run the command as the user who started Countersign',
        })
      }
      continue
    }
    const places = placesIn(dirname(path), { cwd: where.cwd, named: where.state !== undefined })
    return { path, info: localInfo(path, text), places }
  }
  const { state } = where
  if (state !== undefined) {
    throw new CliError(exits.unreachable, `no Countersign was found: there is no local.json in ${state}`, {
      next: `start it with: npm start -- --state ${state} (in its folder), or name the state of another with --state DIR`,
    })
  }
  const looked = 'there is no .countersign/local.json in this folder and those above it'
  throw new CliError(exits.unreachable, `no Countersign was found: ${looked}`, {
    next: 'start one with: npm start (in its folder), name its state with --state DIR, or set COUNTERSIGN_CONSOLE_URL and COUNTERSIGN_TOKEN',
  })
}

function candidates({ state, cwd }: Pick<Where, 'state' | 'cwd'>): string[] {
  if (state !== undefined)
    return [join(resolve(cwd, state), 'local.json'), join(resolve(cwd, state), '.countersign', 'local.json')]
  const paths: string[] = []
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    paths.push(join(folder, '.countersign', 'local.json'))
    if (folder === dirname(folder)) return paths
  }
}

function localInfo(path: string, text: string): LocalInfo {
  try {
    const info = JSON.parse(text) as Partial<LocalInfo>
    const { tokens } = info
    if (typeof info.console === 'string' && tokens && identities.every((name) => typeof tokens[name] === 'string'))
      return info as LocalInfo
  } catch {
    // Told below: not JSON is one way not to be the launcher's file.
  }
  throw new CliError(exits.unreachable, `${path} is not what the launcher writes`, {
    next: 'stop Countersign and start it again: it writes the file anew',
  })
}
