import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ActivityLog, type Bus, encode, RegistryView } from '@countersign/bus'
import {
  type CallEventData,
  type CallEventName,
  callFieldsOf,
  digestOf,
  makeEvent,
  registryKeys,
  type ServerEntry,
  type ToolEntry,
} from '@countersign/contracts'
import { UsersFileAuthenticator } from '@countersign/identity'
import { readHosts } from '@countersign/runtime'
import { createLogger } from '@countersign/telemetry'
import { requestedFixture, startTestBus } from '@countersign/testing'
import type { TestContext } from 'node:test'
import { AccessRecords } from '../src/api/access-records.ts'
import { CallFeed, defaultFeedLimits, type FeedLimits } from '../src/api/feed/call-feed.ts'
import { Listener } from '../src/api/listener.ts'
import { ReplicaFaults } from '../src/api/replica-faults.ts'
import { SignIns } from '../src/api/sign-ins.ts'
import { UnreadableMessages } from '../src/api/unreadable.ts'
import { AuditPeer, LifecyclePeer, PolicyPeer } from './peers.ts'

const people = {
  operator: { tenant: 'default', groups: ['operators'] },
  approver: { tenant: 'default', groups: ['approvers'] },
  approver2: { tenant: 'default', groups: ['approvers'] },
  agent: { tenant: 'default', groups: ['agents'] },
  agent2: { tenant: 'default', groups: ['agents'] },
  /** The same rights, somewhere else. */
  stranger: { tenant: 'elsewhere', groups: ['operators', 'approvers'] },
  late: { tenant: 'default', groups: ['operators'], expiresAt: '2020-01-01T00:00:00Z' },
} as const
export type Person = keyof typeof people

/** An answer of the API, read. */
export interface Answer {
  status: number
  headers: Headers
  // What tests look at is up to them.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export type Console = Awaited<ReturnType<typeof startConsole>>

/** A console over a real bus, with the services it asks played by responders connected as those services. */
export async function startConsole(
  t: TestContext,
  options: { feed?: Partial<FeedLimits>; hosts?: string[]; activityStore?: Pick<Bus, 'store'> } = {},
) {
  const testBus = await startTestBus(t)
  const { dir } = testBus
  const [bus, gateway, policyBus, executor, lifecycleBus, auditBus] = (await Promise.all(
    (['console', 'gateway', 'policy', 'agent-executor', 'lifecycle', 'audit'] as const).map((user) =>
      testBus.connect(user),
    ),
  )) as [Bus, Bus, Bus, Bus, Bus, Bus]
  const [policy, audit, lifecycle] = [new PolicyPeer(), new AuditPeer(), new LifecyclePeer()]
  policy.serve(policyBus)
  audit.serve(auditBus)
  lifecycle.serve(lifecycleBus)

  const tokens = Object.fromEntries(
    Object.keys(people).map((id) => [id, randomBytes(32).toString('base64url')]),
  ) as Record<Person, string>
  const usersFile = join(dir, 'users.json')
  const users = Object.entries(people).map(([id, rest]) => ({
    id,
    tokenSha256: createHash('sha256')
      .update(tokens[id as Person])
      .digest('hex'),
    ...rest,
  }))
  await writeFile(usersFile, JSON.stringify({ users }))

  const log = createLogger('console-test', 'fatal')
  const registry = new RegistryView()
  await registry.start(bus)
  const feed = new CallFeed(bus, log, { ...defaultFeedLimits, ...options.feed })
  const unreadable = new UnreadableMessages(bus)
  unreadable.start()
  const replicaFaults = new ReplicaFaults(bus)
  replicaFaults.start()
  const activities = new ActivityLog(options.activityStore ?? bus, () => {})
  const signIns = new SignIns(activities, 'platform')
  const accesses = new AccessRecords(activities)
  const listener = new Listener(
    {
      bus,
      signIns,
      accesses,
      log,
      registry,
      feed,
      unreadable,
      replicaFaults,
      authenticator: new UsersFileAuthenticator(usersFile),
      served: { hosts: readHosts(options.hosts?.join() ?? ''), setting: 'COUNTERSIGN_CONSOLE_HOSTS' },
      platformTenant: 'default',
    },
    { host: '127.0.0.1', port: 0 },
  )
  await listener.start()
  t.after(async () => {
    await listener.stop()
    accesses.stop()
    signIns.stop()
    await activities.close()
    unreadable.stop()
    replicaFaults.stop()
    registry.stop()
  })
  const url = `http://127.0.0.1:${listener.port}`

  const state = join(dir, '.countersign')
  await mkdir(state)
  const local = {
    gateway: `${url}/mcp`,
    console: url,
    nats: '',
    tokens,
    natsCreds: { auditor: { user: '', pass: '' }, auditReader: { user: '', pass: '' } },
    auditLog: { dir: '', verifierKey: '' },
  }
  await writeFile(join(state, 'local.json'), JSON.stringify(local))
  await chmod(join(state, 'local.json'), 0o600)

  const ask = async (who: Person | undefined, path: string, init: RequestInit = {}): Promise<Answer> => {
    const headers = {
      ...(who ? { authorization: `Bearer ${tokens[who]}` } : {}),
      ...(init.headers as Record<string, string>),
    }
    const response = await fetch(`${url}/api/v1${path}`, { ...init, headers })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    url,
    dir,
    tokens,
    usersFile,
    server: testBus.server,
    bus,
    executor,
    auditBus,
    policyBus,
    policy,
    audit,
    lifecycle,
    feed,
    get: (who: Person | undefined, path: string, headers: Record<string, string> = {}) => ask(who, path, { headers }),
    post: (who: Person | undefined, path: string, body: unknown) =>
      ask(who, path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    ask,
    /** Stores a call's first event; returns its data. */
    request: async (more: Partial<CallEventData<'requested'>> = {}) => {
      const event = makeEvent('requested', requestedFixture(more), {
        now: new Date(),
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      })
      await gateway.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)
      return event.data
    },
    /** Stores the next event of a call. */
    next: async <N extends CallEventName>(
      call: CallEventData<'requested'>,
      name: N,
      data: Omit<CallEventData<N>, keyof ReturnType<typeof callFieldsOf>>,
    ) => {
      const event = makeEvent(name, { ...callFieldsOf(call), ...data } as unknown as CallEventData<N>, {
        now: new Date(),
      })
      const writer = { policy: policyBus, 'agent-executor': executor, gateway }[
        event.source.slice('/services/'.length) as 'policy'
      ]
      const { lastSeq } = await writer.history(call)
      await writer.publishEvent(call, name, event, lastSeq, Date.now() + 10_000)
    },
    /** Seals what the stream has of a call. */
    seal: async (call: CallEventData<'requested'>) => {
      const { tenant, server, callId } = call
      for (const { seq, name, event } of (await bus.history(call)).entries) {
        audit.seal({
          version: 2,
          tenant,
          server,
          callId,
          event: name,
          storedAt: event.time,
          stream: { seq, previous: 0, created: 'x' },
          cloudEvent: JSON.parse(JSON.stringify(event)),
        })
      }
    },
    register: async (entry: ServerEntry, tools: ToolEntry[] = []) => {
      const bucket = await lifecycleBus.bucket('servers')
      await bucket.put(registryKeys.server(entry.name), encode(entry))
      for (const tool of tools) await bucket.put(registryKeys.tool(tool.server, tool.name), encode(tool))
    },
  }
}

/** A registry entry that is ready. */
export function serverFixture(more: Partial<ServerEntry> = {}): ServerEntry {
  const now = new Date().toISOString()
  const yes = (type: 'Accepted' | 'Available' | 'Verified') =>
    ({ type, status: 'True', reason: 'Ready', message: '', lastTransitionTime: now }) as const
  return {
    name: 'files',
    tenant: 'default',
    documentDigest: digestOf({}),
    source: 'Url',
    transport: 'streamable-http',
    address: { url: 'https://user:secret-password@tools.example/mcp?key=secret-key', tokenFile: '/secret-token-file' },
    era: '2025-11-25',
    limits: { concurrency: 4, callTimeoutMs: 60_000, maxResultBytes: 1024 * 1024 },
    conditions: [yes('Accepted'), yes('Available'), yes('Verified')],
    restarts: 0,
    toolCount: 2,
    quarantinedCount: 1,
    updatedAt: now,
    ...more,
  }
}

/** A pinned tool, and one that changed since. */
export function toolFixtures(server = 'files'): ToolEntry[] {
  const at = new Date().toISOString()
  const definition = (name: string, description: string) => ({
    name,
    description,
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: name === 'read_file' },
  })
  const [read, write, changed] = [
    definition('read_file', 'Reads'),
    definition('write_file', 'Writes'),
    definition('write_file', 'Writes anything anywhere'),
  ]
  return [
    {
      server,
      name: 'read_file',
      state: 'pinned',
      pinned: { definition: read, digest: digestOf(read), at, by: 'lifecycle' },
    },
    {
      server,
      name: 'write_file',
      state: 'quarantined',
      pinned: { definition: write, digest: digestOf(write), at, by: 'lifecycle' },
      offered: {
        definition: changed,
        digest: digestOf(changed),
        at,
        changes: [{ path: '/description', before: '"Writes"', after: '"Writes anything anywhere"' }],
      },
    },
  ]
}

/** A policy document with one rule. */
export function policyText(name: string): string {
  return [
    'apiVersion: countersign.dev/v1alpha1',
    'kind: ToolPolicy',
    `metadata: { name: ${name} }`,
    'spec:',
    '  rules:',
    '    - { name: all, when: "true", effect: allow }',
    '',
  ].join('\n')
}
