import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Bus, connectBus, RegistryView } from '@countersign/bus'
import { freePort } from '@countersign/config'
import { type BusUser, recordKind } from '@countersign/contracts'
import { openKeyReader } from '@countersign/subject-keys'
import { type Cleanup, until } from '@countersign/testing'
import { openState, type State, stateLayout } from '../../../deploy/local/src/state.ts'
import type { Evidence, Told } from '../check/evidence.ts'
import { readEvidence } from '../check/read-evidence.ts'
import { Disk } from './disk.ts'
import { fetchStored } from './fetch-stored.ts'
import { Nats } from './nats.ts'
import { Replica } from './replica.ts'
import { policyText, serverName, serverText, toolNames } from './tools.ts'

/** What may differ from run to run. */
export interface ClusterOptions {
  /** Ack wait of policy's and the executor's consumers; left out, the product's own. */
  ackWaitMs?: number
  /** Byte budget of `CALLS`. */
  callsMaxBytes?: number
  /** How long ended calls stay in `CALLS`. */
  auditGraceMs?: number
  /** How far audit may be behind before new calls are refused; left out, the product's own. */
  auditMaxLag?: number
  auditMaxAgeMs?: number
  /** How long holds wait, as policies write it. */
  heldFor?: string
  brieflyFor?: string
  /** How long a call may take from request to answer. */
  callTimeoutMs?: number
  /** nats-servers: one, or three with three replicas of everything. */
  nodes?: 1 | 3
  /** What lies on disks that can fail: the store of nats-server, the log of audit. */
  disks?: readonly DiskName[]
  /** nats-server syncs when it likes, as it does by default. */
  defaultSync?: boolean
  /** The clock of nats-server can be set wrong (`harness/clock-program.ts`). */
  settableClock?: boolean
}

type DiskName = 'nats' | 'audit'

/** A whole Countersign whose every process can be killed: two gateways, policies and executors, one lifecycle, one audit. */
export interface Cluster {
  replicas: Replica[]
  nats: Nats
  /** Those that were asked for. */
  disks: Record<DiskName, Disk>
  /** Addresses of the gateways for the one tool server. */
  gateways: string[]
  state: State
  toolServerUrl: string
  /** Everything that callers were told; the load writes it. */
  told: Told[]
  poisoned: Set<string>
  /** The folder with state and logs stays when the run is over. */
  kept: boolean
  /** The replicas of a service. */
  of(service: string): Replica[]
  bus(user: BusUser): Promise<Bus>
  evidence(): Promise<Evidence>
  /** Waits until every process is up, every call has ended and all of it is sealed and published. */
  settled(timeoutMs?: number): Promise<Evidence>
}

const counts = { gateway: 2, policy: 2, 'agent-executor': 2, lifecycle: 1, audit: 1 } as const
type Service = keyof typeof counts
const dayMs = 24 * 3600 * 1000

/** Starts everything with fresh state and waits until calls can be made. */
export async function startCluster(t: Cleanup, options: ClusterOptions = {}): Promise<Cluster> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-faults-'))
  const running: { end(): Promise<void> }[] = []
  const buses = new Map<BusUser, Promise<Bus>>()
  const disks: Partial<Record<DiskName, Disk>> = {}
  t.after(async () => {
    await Promise.all([...buses.values()].map(async (bus) => (await bus).close()))
    await Promise.all(running.map((process) => process.end()))
    await Promise.all(Object.values(disks).map((disk) => disk.end()))
    if (!cluster.kept) await rm(root, { recursive: true, force: true })
  })
  const layout = stateLayout(join(root, 'state'))
  const ports = { tools: await freePort(), gateways: [await freePort(), await freePort()] }
  const toolServerUrl = `http://127.0.0.1:${ports.tools}/mcp`
  const recordFile = join(root, 'received.jsonl')
  // There before the state is made, so that the samples stay away.
  await mkdir(layout.servers, { recursive: true })
  await mkdir(layout.policies, { recursive: true })
  await writeFile(
    join(layout.policies, 'faults.yaml'),
    policyText(options.heldFor ?? '60s', options.brieflyFor ?? '2s'),
  )
  await writeFile(join(layout.servers, `${serverName}.yaml`), serverText(serverName, toolServerUrl))
  const state = await openState(layout.dir, false, 0, () => {})
  for (const name of options.disks ?? []) disks[name] = await Disk.mount(layout[name])

  const nats = await Nats.plan({
    layout,
    passwords: state.passwords,
    nodes: options.nodes ?? 1,
    defaultSync: options.defaultSync ?? false,
    settableClock: options.settableClock ?? false,
    callsMaxBytes: options.callsMaxBytes,
    ackWaitMs: options.ackWaitMs,
  })
  running.push(nats)
  await nats.start()
  await nats.provision()

  const common = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ...(process.env.NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE } : {}),
  }
  const toolServer = new Replica({
    name: 'tool-server',
    entry: 'harness/tool-server.ts',
    args: [String(ports.tools), recordFile],
    env: common,
    logFile: join(layout.logs, 'tool-server.log'),
  })
  const replicas = (Object.entries(counts) as [Service, number][]).flatMap(([service, count]) =>
    Array.from({ length: count }, (_, index) => {
      const settings: Record<string, string> = {
        NATS_URL: nats.url,
        NATS_PASSWORD_FILE: layout.passwords(service),
        ...settingsOf(service, state, ports.gateways[index]!, options),
      }
      const named = Object.entries(settings).map(([key, value]) => [`COUNTERSIGN_${key}`, value])
      return new Replica({
        name: count === 1 ? service : `${service}-${index + 1}`,
        entry: `entry/${service}.ts`,
        args: options.ackWaitMs === undefined ? [] : [String(options.ackWaitMs)],
        env: { ...common, ...Object.fromEntries(named) },
        logFile: join(layout.logs, `${service}-${index + 1}.log`),
      })
    }),
  )
  running.unshift(toolServer, ...replicas)
  await Promise.all([toolServer, ...replicas].map((replica) => replica.start()))

  const cluster: Cluster = {
    replicas,
    nats,
    disks: disks as Record<DiskName, Disk>,
    state,
    toolServerUrl,
    gateways: ports.gateways.map((port) => `http://127.0.0.1:${port}/mcp/${serverName}`),
    told: [],
    poisoned: new Set(),
    kept: false,
    of: (service) => replicas.filter((replica) => replica.service === service),
    bus(user) {
      const bus = buses.get(user) ?? connectBus({ url: nats.url, user, password: state.passwords[user] })
      buses.set(user, bus)
      return bus
    },
    async evidence() {
      const keys = await openKeyReader(layout.subjectKeys, layout.subjectKek)
      try {
        const evidence = await readEvidence({
          auditor: await cluster.bus('auditor'),
          auditDir: layout.audit,
          recordFile,
          grantPublicKeys: layout.grantPublicKeys,
          findKey: keys.find,
          told: cluster.told,
          poisoned: cluster.poisoned,
        })
        // The auditor may not read what is stored beside the streams.
        const payloads = async () => (await cluster.bus('console')).payloads
        return { ...evidence, calls: await fetchStored(evidence.calls, payloads) }
      } finally {
        keys.close()
      }
    },
    async settled(timeoutMs = 120_000) {
      await Promise.all(replicas.map((replica) => replica.untilUp()))
      return until(
        async () => {
          const evidence = await cluster.evidence()
          return isSettled(evidence) && evidence
        },
        'every call has ended and is sealed',
        timeoutMs,
      ).catch(() => cluster.evidence())
    },
  }
  await untilTaken(cluster)
  return cluster
}

/** Every call has ended, every event is sealed, every record is published. */
function isSettled({ calls, stored, log, published }: Evidence): boolean {
  // Neither the last tree nor the last record of one need be about the newest call.
  const seqs = log.flatMap(({ record }) => (recordKind(record) === 'call' ? record.stream.seq : []))
  const sealed = seqs.reduce((newest, seq) => Math.max(newest, seq), 0)
  return (
    [...calls.values()].every(({ final }) => final) &&
    stored.every(({ seq }) => seq <= sealed) &&
    published.length === log.length
  )
}

async function untilTaken(cluster: Cluster): Promise<void> {
  const registry = new RegistryView()
  await registry.start(await cluster.bus('gateway'))
  await until(
    () => [...registry.toolsOf(serverName)].filter(({ state }) => state === 'pinned').length === toolNames.length,
    'the tools are pinned',
    60_000,
  )
  registry.stop()
}

function settingsOf(
  service: Service,
  { layout }: State,
  port: number,
  options: ClusterOptions,
): Record<string, string> {
  switch (service) {
    case 'gateway':
      return {
        GATEWAY_PORT: String(port),
        USERS_FILE: layout.users,
        ...(options.callTimeoutMs ? { CALL_TIMEOUT_MS: String(options.callTimeoutMs) } : {}),
      }
    case 'policy':
      return {
        POLICIES_DIR: layout.policies,
        GRANT_KEY_FILE: layout.grantKey,
        ...(options.auditMaxLag === undefined ? {} : { AUDIT_MAX_LAG: String(options.auditMaxLag) }),
        ...(options.auditMaxAgeMs === undefined ? {} : { AUDIT_MAX_AGE_MS: String(options.auditMaxAgeMs) }),
      }
    case 'agent-executor':
      return { GRANT_PUBLIC_KEYS_FILE: layout.grantPublicKeys }
    case 'lifecycle':
      return { SERVERS_DIR: layout.servers, RUN_DIR: layout.run, PATH_PREPEND: dirname(process.execPath) }
    case 'audit':
      return {
        AUDIT_DIR: layout.audit,
        AUDIT_KEY_FILE: layout.auditKey,
        AUDIT_SUBJECT_KEYS_DIR: layout.subjectKeys,
        AUDIT_SUBJECT_KEK_FILE: layout.subjectKek,
        AUDIT_GRACE_MS: String(options.auditGraceMs ?? dayMs),
      }
  }
}
