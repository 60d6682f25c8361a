import { freePort, isPortFree } from '@countersign/config'

/**
 * Settles the ports to use, before anything is started; 0 asks for a free one.
 *
 * @throws Error naming each port that is taken, and how to choose another
 */
export async function settlePorts<K extends string>(ports: Record<K, number>): Promise<Record<K, number>> {
  const entries = Object.entries<number>(ports) as [K, number][]
  const settled = await Promise.all(
    entries.map(async ([name, port]) => {
      if (port === 0) return { name, port: await freePort(), free: true }
      return { name, port, free: await isPortFree(port) }
    }),
  )
  const taken = settled.flatMap(({ name, port, free }) => (free ? [] : [`${port} (${name})`]))
  if (taken.length > 0) {
    throw new Error(
      `port ${taken.join(' and port ')} is taken by another program. Stop it (is another Countersign running?), set ` +
        'COUNTERSIGN_GATEWAY_PORT, COUNTERSIGN_CONSOLE_PORT or COUNTERSIGN_NATS_PORT, or start with: npm start -- --free-ports',
    )
  }
  return Object.fromEntries(settled.map(({ name, port }) => [name, port])) as Record<K, number>
}
