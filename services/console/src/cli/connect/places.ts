import { join, relative } from 'node:path'

/** Where things are that hints name. */
export interface Places {
  /** The command line that starts Countersign. */
  start: string
  /** The logs of all services, and that of one. */
  logs: string
  logOf: (service: string) => string
  /** How a nats-server that hangs comes back. */
  restartNats: string
  /** The folders that documents are put into. */
  servers: string
  policies: string
}

/** A Countersign that is run by others, or elsewhere: nobody here knows its folders. */
export const unknownPlaces: Places = {
  start: 'npm start',
  logs: 'the logs',
  logOf: (service) => `the log of ${service}`,
  restartNats: 'look at its log, and end it: whatever runs it starts it again',
  servers: 'the folder COUNTERSIGN_SERVERS_DIR of lifecycle',
  policies: 'the folder COUNTERSIGN_POLICIES_DIR of policy',
}

/**
 * What the launcher keeps in its state folder.
 *
 * @param named whether it was asked for by name: the launcher finds only its usual one by itself
 */
export function placesIn(folder: string, { cwd, named }: { cwd: string; named: boolean }): Places {
  const inside = relative(cwd, folder)
  const shown = inside === '' || inside.startsWith('..') ? folder : inside
  return {
    start: named ? `npm start -- --state ${shown}` : 'npm start',
    logs: `the logs (${join(shown, 'logs')}/)`,
    logOf: (service) => `the log of ${service} (${join(shown, 'logs', `${service}.log`)})`,
    restartNats: `end it: kill -9 $(cat ${join(shown, 'nats', 'nats-server.pid')}); it is started again by the launcher`,
    servers: `${join(shown, 'servers')}/`,
    policies: `${join(shown, 'policies')}/`,
  }
}
