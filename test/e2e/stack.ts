import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, connectBus } from '@countersign/bus'
import type { LocalInfo } from '@countersign/contracts'
import { launch, type Running } from '@countersign/local'
import { type Cleanup, until } from '@countersign/testing'

/** A whole Countersign of a test's own: real processes, real nats-server, real tool servers. */
export interface Stack extends Running {
  /** The folder agents work in. */
  workspace: string
  /** The HTTP API, as one of the people; resolves to status and body. */
  api(path: string, as?: keyof LocalInfo['tokens'], body?: unknown): Promise<{ status: number; body: any }>
  /** Reads the streams as the auditor does. */
  auditor(): Promise<Bus>
  /** The process id of a service. */
  pid(name: string): number
}

/** Starts everything on free ports with fresh state, and waits until the sample servers are ready. */
export async function startStack(t: Cleanup): Promise<Stack> {
  const stateDir = join(await mkdtemp(join(tmpdir(), 'countersign-e2e-')), 'state')
  const log: string[] = []
  const running = await launch(
    { fresh: false, stateDir, ports: { gateway: 0, console: 0, nats: 0, everything: 0 } },
    (line) => log.push(line),
  )
  const { info } = running
  const buses: Bus[] = []
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    await running.stop()
    await rm(join(stateDir, '..'), { recursive: true, force: true })
  })
  const stack: Stack = {
    ...running,
    workspace: running.state.layout.workspace,
    async api(path, as = 'operator', body) {
      const response = await fetch(`${info.console}/api/v1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${info.tokens[as]}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    },
    async auditor() {
      const { user, pass } = info.natsCreds.auditor
      const bus = await connectBus({ url: info.nats, user: user as 'auditor', password: pass })
      buses.push(bus)
      return bus
    },
    pid: (name) => running.processes.find((process) => process.name === name)!.pid()!,
  }
  await until(async () => {
    const { body } = await stack.api('/servers')
    const servers: { name: string; conditions: { type: string; status: string }[] }[] = body.servers
    return (
      servers.length === 2 &&
      servers.every(({ conditions }) => conditions.some(({ type, status }) => type === 'Verified' && status === 'True'))
    )
  }, 'the sample servers are verified')
  return stack
}
