import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, connectBus, provision } from '@countersign/bus'
import { findNatsServer, type NatsServer, startNatsServer } from '@countersign/bus/server'
import type { BusUser } from '@countersign/contracts'

/** What tests pass to have things cleaned up after them: node:test's context, or anything with `after`. */
export interface Cleanup {
  after(fn: () => Promise<void> | void): void
}

/** A real nats-server of a test's own, with the streams made, and connections as any user. */
export interface TestBus {
  server: NatsServer
  dir: string
  connect(user: BusUser): Promise<Bus>
}

/** Starts a nats-server on a free port with fresh state; it goes away with the test. */
export async function startTestBus(t: Cleanup, options: { callsMaxBytes?: number } = {}): Promise<TestBus> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-'))
  const server = await startNatsServer({ binary: await findNatsServer(), dir, port: -1 })
  const buses: Bus[] = []
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    await server.stop('SIGKILL')
    await rm(dir, { recursive: true, force: true })
  })
  await provision({
    url: server.url,
    user: 'provisioner',
    password: server.passwords.provisioner,
    ...(options.callsMaxBytes ? { callsMaxBytes: options.callsMaxBytes } : {}),
  })
  return {
    server,
    dir,
    async connect(user) {
      const bus = await connectBus({ url: server.url, user, password: server.passwords[user] })
      buses.push(bus)
      return bus
    },
  }
}
