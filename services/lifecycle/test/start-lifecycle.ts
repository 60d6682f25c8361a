import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Condition, LifecycleEvent, registryKeys, ServerEntry, ToolEntry, verbs } from '@countersign/contracts'
import { operatorsGroup } from '@countersign/identity'
import { Parts } from '@countersign/runtime'
import { createLogger } from '@countersign/telemetry'
import { type Cleanup, startTestBus, type TestBus, until } from '@countersign/testing'
import { lifecycleParts } from '../src/service.ts'

/** The repository's programs, for the published servers. */
export const programs = fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url))
export const changingServer = fileURLToPath(new URL('changing-server.ts', import.meta.url))

/** A bus with what lifecycle writes on it, for several lifecycles one after the other. */
export interface World {
  testBus: TestBus
  atEnd: (stop: () => Promise<void> | void) => void
  dir: string
  serversDir: string
  /** Every key of the registry in the order it was written. */
  writes: string[]
  server: (name: string) => ServerEntry | undefined
  /** Everything the registry ever said of a server, oldest first. */
  history: (name: string) => ServerEntry[]
  tool: (server: string, name: string) => ToolEntry | undefined
  keys: () => string[]
  events: () => Promise<LifecycleEvent[]>
  accept: (server: string, tool: string, digest: string, groups?: string[], tenant?: string) => Promise<unknown>
  write: (file: string, document: string | object) => void
  remove: (file: string) => void
}

export async function makeWorld(t: Cleanup): Promise<World> {
  // First in, first out: what uses the bus is stopped before the bus.
  const stops: (() => Promise<void> | void)[] = []
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop()
  })
  const testBus = await startTestBus(t)
  const [reader, console, provisioner] = await Promise.all(
    (['gateway', 'console', 'provisioner'] as const).map(testBus.connect),
  )
  const serversDir = join(testBus.dir, 'servers')
  mkdirSync(serversDir)
  const registry = new Map<string, unknown>()
  const writes: string[] = []
  const history: ServerEntry[] = []
  const following = await (
    await reader!.bucket('servers')
  ).follow(({ key, value }) => {
    writes.push(value ? key : `-${key}`)
    if (value) {
      const entry: unknown = JSON.parse(new TextDecoder().decode(value))
      registry.set(key, entry)
      if (key.startsWith('server.')) history.push(ServerEntry.parse(entry))
    } else registry.delete(key)
  })
  stops.push(() => following.stop())
  const parsed = <T>(schema: { parse: (value: unknown) => T }, key: string) =>
    registry.has(key) ? schema.parse(registry.get(key)) : undefined
  return {
    testBus,
    atEnd: (stop) => void stops.push(stop),
    dir: testBus.dir,
    serversDir,
    writes,
    server: (name) => parsed(ServerEntry, registryKeys.server(name)),
    history: (name) => history.filter((entry) => entry.name === name),
    tool: (server, name) => parsed(ToolEntry, registryKeys.tool(server, name)),
    keys: () => [...registry.keys()],
    async events() {
      const { lastSeq } = await provisioner!.streamInfo('LIFECYCLE')
      const messages = await Promise.all(
        Array.from({ length: lastSeq }, (_, index) => provisioner!.lastMessage('LIFECYCLE', index + 1)),
      )
      return messages.map((message) => LifecycleEvent.parse(JSON.parse(new TextDecoder().decode(message!.data))))
    },
    accept: (server, tool, digest, groups = [operatorsGroup], tenant = 'default') =>
      console!.callApi(verbs.lifecycle.accept, { operator: { id: 'ann', tenant, groups }, server, tool, digest }),
    write: (file, document) =>
      writeFileSync(join(serversDir, file), typeof document === 'string' ? document : JSON.stringify(document)),
    remove: (file) => rmSync(join(serversDir, file)),
  }
}

/** Runs lifecycle in this process; it is stopped with the test at the latest. */
export async function startLifecycle(
  world: World,
  probeIntervalMs = 60_000,
  platformTenant = 'default',
): Promise<{ stop: () => Promise<void> }> {
  const bus = await world.testBus.connect('lifecycle')
  const parts = new Parts(
    lifecycleParts(
      {
        natsUrl: '',
        natsPasswordFile: '',
        healthHost: '',
        healthPort: 0,
        logLevel: 'info',
        platformTenant,
        shutdownGraceMs: 0,
        serversDir: world.serversDir,
        runDir: join(world.dir, 'run'),
        probeIntervalMs,
        pathPrepend: '',
        childEnv: { PATH: [dirname(process.execPath), programs, process.env.PATH].join(delimiter) },
      },
      { bus, log: createLogger('lifecycle', process.env.TEST_LOG ?? 'silent') },
    ),
  )
  await parts.start(10_000)
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= parts.stop(10_000))
  world.atEnd(stop)
  return { stop }
}

/** An `MCPServer` document. */
export function document(name: string, source: object, config: object = {}): object {
  return { apiVersion: 'mcp.x-k8s.io/v1beta1', kind: 'MCPServer', metadata: { name }, spec: { source, config } }
}

export function stdio(...run: string[]): object {
  return { type: 'Command', command: { run } }
}

/** The changing server over HTTP, and the way to steer it. */
export async function changing(name: string, port: number, tools?: object[]) {
  const env = [
    { name: 'PORT', value: String(port) },
    ...(tools ? [{ name: 'TOOLS', value: JSON.stringify(tools) }] : []),
  ]
  const source = { type: 'Command', command: { run: ['node', changingServer], transport: 'streamable-http' } }
  return {
    document: document(name, source, { port, env }),
    control: async (body: object): Promise<{ listeners: number; lists: number; pid: number }> => {
      const response = await fetch(`http://127.0.0.1:${port}/control`, { method: 'POST', body: JSON.stringify(body) })
      return (await response.json()) as { listeners: number; lists: number; pid: number }
    },
  }
}

/** A condition as `status/reason`. */
export function conditionOf(entry: ServerEntry | undefined, type: Condition['type']): string {
  const condition = entry?.conditions.find((each) => each.type === type)
  return `${condition?.status}/${condition?.reason}`
}

export async function untilVerified(world: World, name: string): Promise<ServerEntry> {
  return await until(() => {
    const entry = world.server(name)
    return conditionOf(entry, 'Verified') === 'True/Verified' ? entry : undefined
  }, `${name} is verified`)
}
