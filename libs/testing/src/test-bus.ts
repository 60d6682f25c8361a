import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, connectBus, provision, type ProvisionOptions } from '@countersign/bus'
import { findNatsServer, type NatsServer, startNatsServer } from '@countersign/bus/server'
import type { BucketName, BusUser } from '@countersign/contracts'
import { until } from './until.ts'

/** What tests pass to have things cleaned up after them: node:test's context, or anything with `after`. */
export interface Cleanup {
  after(fn: () => Promise<void> | void): void
}

/** A real nats-server of a test's own, with the streams made, and connections as any user. */
export interface TestBus {
  server: NatsServer
  dir: string
  connect(user: BusUser): Promise<Bus>
  /** Starts the server again, which has ended, on what is in its folder; it goes away with the test, too. */
  startAgain(): Promise<NatsServer>
  /** Takes a bucket away with all that is in it, and makes it anew, as an operator does who lost it. */
  loseBucket(name: BucketName): Promise<void>
}

/** Starts a nats-server on a free port with fresh state; it goes away with the test. */
export async function startTestBus(
  t: Cleanup,
  options: Pick<ProvisionOptions, 'callsMaxBytes' | 'auditMaxBytes' | 'payloadsMaxBytes'> = {},
): Promise<TestBus> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-'))
  const binary = await findNatsServer()
  const server = await startNatsServer({ binary, dir, port: -1 })
  const servers = [server]
  const buses: Bus[] = []
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    // Before their folder goes: one that runs writes on.
    await Promise.all(servers.map((each) => each.stop('SIGKILL')))
    await rm(dir, { recursive: true, force: true })
  })
  const setUp = () =>
    provision({
      url: server.url,
      user: 'provisioner',
      password: server.passwords.provisioner,
      ...options,
    })
  const connect = async (user: BusUser) => {
    const bus = await connectBus({ url: server.url, user, password: server.passwords[user] })
    buses.push(bus)
    return bus
  }
  await setUp()
  return {
    server,
    dir,
    connect,
    async startAgain() {
      const again = await startNatsServer({ binary, dir, port: server.port, passwords: server.passwords })
      servers.push(again)
      return again
    },
    async loseBucket(name) {
      const provisioner = await connect('provisioner')
      const bucket = await provisioner.bucket(name)
      provisioner.hint(`$JS.API.STREAM.DELETE.KV_${name}`, new Uint8Array())
      const gone = () =>
        bucket.standing().then(
          () => false,
          () => true,
        )
      await until(gone, `the bucket ${name} is gone`)
      await setUp()
    },
  }
}
