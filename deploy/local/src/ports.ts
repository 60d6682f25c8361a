import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** Takes a port for a moment: the port, or undefined when somebody else has it. 0 asks for a free one. */
export async function probePort(port: number): Promise<number | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  server.once('error', () => resolve(undefined))
  server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  const taken = await promise
  if (taken !== undefined) await new Promise((done) => server.close(done))
  return taken
}

/**
 * Settles the ports to use, before anything is started.
 *
 * @throws Error naming each port that is taken, and how to choose another
 */
export async function settlePorts<K extends string>(ports: Record<K, number>): Promise<Record<K, number>> {
  const entries = Object.entries<number>(ports) as [K, number][]
  const settled = await Promise.all(entries.map(async ([name, port]) => [name, await probePort(port)] as const))
  const taken = settled.flatMap(([name, port]) => (port === undefined ? [`${ports[name]} (${name})`] : []))
  if (taken.length > 0) {
    throw new Error(
      `port ${taken.join(' and port ')} is taken by another program. Stop it (is another Countersign running?), set ` +
        'COUNTERSIGN_GATEWAY_PORT, COUNTERSIGN_CONSOLE_PORT or COUNTERSIGN_NATS_PORT, or start with: npm start -- --free-ports',
    )
  }
  return Object.fromEntries(settled) as Record<K, number>
}
