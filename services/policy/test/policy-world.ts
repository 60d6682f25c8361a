import { generateKeyPairSync } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bus, encode } from '@countersign/bus'
import {
  type CallAddress,
  type CallEventData,
  type JsonObject,
  makeEvent,
  type Principal,
  registryKeys,
  type ServerEntry,
  type ToolEntry,
} from '@countersign/contracts'
import { Expectations, Parts } from '@countersign/runtime'
import { createLogger, startTelemetry } from '@countersign/telemetry'
import { type Cleanup, requestedFixture, startTestBus, until } from '@countersign/testing'
import type { SweepPace } from '../src/approval/hold-sweep.ts'
import type { Settings } from '../src/config.ts'
import { policyParts } from '../src/service.ts'
import { epoch, pinnedTool, policyText, toolDefinition } from './fixtures.ts'

const graceMs = 5000

/** Policies that most tests need: reads allowed, writes held for two, drops denied. */
export const ops = policyText('ops', [
  'name: reads, when: "tool.readOnly", effect: allow',
  'name: drops, when: "args.kind == \'Secret\'", effect: deny, reason: Secrets are not for agents',
  'name: writes, when: "!tool.readOnly", effect: hold, reason: writes need people, approval: { groups: [sre], quorum: 2 }',
])

/** A person for votes and rulings. */
export const person = (id: string, groups = ['sre'], tenant = 'default'): Principal => ({ id, tenant, groups })

/** The whole service in this process against a nats-server of its own, with the neighbours' hands. */
export async function startWorld(
  t: Cleanup,
  files: Record<string, string> = { 'ops.yaml': ops },
  settings: Partial<Settings> = {},
  sweepPace?: SweepPace,
) {
  const running: (() => Promise<void>)[] = []
  // Hooks run in the order they are added: the service stops while its bus is there.
  t.after(() => Promise.all(running.map((stop) => stop())).then(() => {}))
  const { connect, dir, loseBucket } = await startTestBus(t)
  const [gateway, lifecycle, executor, console] = await Promise.all([
    connect('gateway'),
    connect('lifecycle'),
    connect('agent-executor'),
    connect('console'),
  ])
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const policiesDir = join(dir, 'policies')
  const grantKeyFile = join(dir, 'grant.pem')
  await mkdir(policiesDir)
  await writeFile(grantKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  // In one step: of a file that is half written policy would say what it is, too.
  const writePolicy = async (file: string, text: string) => {
    const written = join(policiesDir, `.${file}.new`)
    await writeFile(written, text)
    await rename(written, join(policiesDir, file))
  }
  for (const [file, text] of Object.entries(files)) await writePolicy(file, text)
  const registry = await lifecycle.bucket('servers')
  const putTool = (entry: ToolEntry) => registry.put(registryKeys.tool(entry.server, entry.name), encode(entry))
  await registry.put(registryKeys.server('files'), encode(serverEntry('files', 'default')))
  await registry.put(registryKeys.server('foreign'), encode(serverEntry('foreign', 'acme')))
  await putTool(pinnedTool('files', toolDefinition('read_file', { annotations: { readOnlyHint: true } })))
  await putTool(pinnedTool('files', toolDefinition('write_file')))
  await putTool(pinnedTool('foreign', toolDefinition('read_file', { annotations: { readOnlyHint: true } })))

  return {
    connect,
    loseBucket,
    gateway,
    executor,
    console,
    publicKey,
    policiesDir,
    grantKeyFile,
    writePolicy,
    putTool,
    /** Starts one instance of the service, as its own user with its own connection unless one is given. */
    async start(given?: Bus) {
      const bus = given ?? (await connect('policy'))
      const expectations = new Expectations()
      const telemetry = startTelemetry('policy-test')
      const config: Settings = {
        natsUrl: '',
        natsPasswordFile: '',
        healthHost: '',
        healthPort: 0,
        logLevel: 'fatal',
        platformTenant: 'default',
        shutdownGraceMs: graceMs,
        policiesDir,
        grantKeyFile,
        auditMaxLag: 50_000,
        auditMaxAgeMs: 300_000,
        ...settings,
      }
      const log = createLogger('policy-test', config.logLevel)
      const parts = new Parts(policyParts(config, { bus, log, telemetry, expectations }, sweepPace))
      await parts.start(graceMs)
      let stopped: Promise<void> | undefined
      const stop = () => (stopped ??= parts.stop(graceMs).then(() => telemetry.stop()))
      running.push(stop)
      return { bus, expectations, telemetry, stop }
    },
    /** Asks for a call, as the gateway does. */
    async request(args: JsonObject, more: Partial<CallEventData<'requested'>> = {}) {
      const event = makeEvent('requested', requestedFixture({ tool: 'read_file', ...more }, args), { now: new Date() })
      const { seq } = await gateway.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)
      return { event, seq, at: event.data as CallAddress & CallEventData<'requested'> }
    },
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Waits until the last event of a call is of this name. */
export async function untilState(bus: Bus, at: CallAddress, name: string) {
  return until(async () => {
    const history = await bus.history(at)
    if (history.state !== name) throw new Error(`it is ${history.state}`)
    return history
  }, `call is ${name}`)
}

function serverEntry(name: string, tenant: string): ServerEntry {
  return {
    name,
    tenant,
    documentDigest: `sha256:${'0'.repeat(64)}`,
    source: 'Url',
    transport: 'streamable-http',
    limits: { concurrency: 1, callTimeoutMs: 1000, maxResultBytes: 1024 },
    conditions: [],
    restarts: 0,
    toolCount: 2,
    quarantinedCount: 0,
    updatedAt: epoch.toISOString(),
  }
}
