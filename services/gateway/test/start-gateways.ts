import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ActivityLog, type Bus, RegistryView } from '@countersign/bus'
import { parseCallSubject, type ToolDefinition, verbs } from '@countersign/contracts'
import { UsersFileAuthenticator } from '@countersign/identity'
import { metaKeys, modernEra } from '@countersign/mcp'
import { createLogger } from '@countersign/telemetry'
import { type Cleanup, register, serverEntryFixture, startTestBus, until } from '@countersign/testing'
import { Admission, type AdmissionLimits } from '../src/call/admission.ts'
import { AuditGate } from '../src/call/audit-gate.ts'
import { OutcomeBoard } from '../src/call/outcome-board.ts'
import { VisibleTools } from '../src/catalog/visible-tools.ts'
import { Cancellations } from '../src/mcp/cancellations.ts'
import { Listener } from '../src/mcp/listener.ts'
import { Sessions } from '../src/mcp/sessions.ts'
import { Refusals } from '../src/refusals.ts'

const people = [
  { id: 'ann', tenant: 'default' },
  { id: 'bob', tenant: 'default' },
  { id: 'ann-elsewhere', tenant: 'elsewhere' },
  { id: 'late', tenant: 'default', expiresAt: '2020-01-01T00:00:00Z' },
  { id: 'olga', tenant: 'elsewhere', groups: ['operators'] },
] as const
export type Person = (typeof people)[number]['id']

const envelope = {
  [metaKeys.protocolVersion]: modernEra,
  [metaKeys.clientCapabilities]: {},
  [metaKeys.clientInfo]: { name: 'test', version: '1' },
}
const mirroring = {
  type: 'object',
  properties: { city: { type: 'string', 'x-mcp-header': 'City' }, q: { type: 'string' } },
}
const tools: ToolDefinition[] = [
  { name: 'wait', inputSchema: { type: 'object' } },
  { name: 'mirror', inputSchema: mirroring },
  { name: 'hidden', inputSchema: mirroring },
]

/**
 * Replicas of the gateway on one bus, with the tools of the server `files`, of which `hidden` is not for callers to see; nobody
 * decides, so that calls stay where they are.
 */
export async function startGateways(
  t: Cleanup,
  replicas: number,
  callTimeoutMs = 30_000,
  {
    activityStore,
    maxBodyBytes = 100_000,
    ...limits
  }: Partial<AdmissionLimits> & {
    activityStore?: Pick<Bus, 'store'>
    maxBodyBytes?: number
  } = {},
) {
  const stops: (() => Promise<void> | void)[] = []
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop()
  })
  const { connect, dir, server } = await startTestBus(t)
  const [lifecycle, policy, reader, auditor] = await Promise.all([
    connect('lifecycle'),
    connect('policy'),
    connect('provisioner'),
    connect('audit'),
  ])
  await register(lifecycle, serverEntryFixture('files', 'http://127.0.0.1:9/mcp'), tools)
  policy.serveApi(
    verbs.policy.visible,
    ({ servers }) => ({
      revision: null,
      tools: Object.fromEntries(servers.map((server) => [server, ['wait', 'mirror']])),
    }),
    (error) => assert.fail(String(error)),
  )
  const usersFile = join(dir, 'users.json')
  const users = people.map((person) => {
    const tokenSha256 = createHash('sha256').update(`token-of-${person.id}`).digest('hex')
    return { groups: ['agents'], ...person, tokenSha256 }
  })
  writeFileSync(usersFile, JSON.stringify({ users }), { mode: 0o600 })

  const notStored: string[] = []
  const buses: Bus[] = []
  const startOne = async () => {
    const bus = await connect('gateway')
    buses.push(bus)
    const registry = new RegistryView()
    const board = new OutcomeBoard(bus, crypto.randomUUID())
    const cancellations = new Cancellations(bus)
    const activities = new ActivityLog(activityStore ?? bus, () => {})
    const refusals = new Refusals(activities, { platformTenant: 'platform', onCall: (code) => notStored.push(code) })
    await registry.start(bus)
    board.start()
    cancellations.start()
    const listener = new Listener({
      bus,
      log: createLogger('gateway-test', 'fatal'),
      registry,
      visible: new VisibleTools(bus, registry),
      board,
      cancellations,
      refusals,
      auditGate: new AuditGate(),
      sessions: new Sessions(await bus.bucket('sessions')),
      authenticator: new UsersFileAuthenticator(usersFile),
      host: '127.0.0.1',
      port: 0,
      served: { hosts: new Set(), setting: 'none' },
      maxBodyBytes,
      callTimeoutMs,
      holdWindowMs: 0,
      admission: new Admission({ maxCallsInFlight: 100, tenantCallsPerSecond: 0, ...limits }),
      onAnswered: () => {},
    })
    const port = await listener.listen()
    stops.push(async () => {
      await listener.close()
      refusals.stop()
      await activities.close()
      cancellations.stop()
      board.stop()
      registry.stop()
    })
    return `http://127.0.0.1:${port}/mcp`
  }
  const urls = await Promise.all(Array.from({ length: replicas }, startOne))

  /** The events of all calls, in the order they were stored. */
  const events = async () => {
    const { lastSeq } = await reader.streamInfo('CALLS')
    const messages = await Promise.all(Array.from({ length: lastSeq }, (_, n) => reader.lastMessage('CALLS', n + 1)))
    return messages.map((message) => parseCallSubject(message!.subject)!)
  }
  return {
    urls,
    /** The connection of each gateway. */
    buses,
    /** The nats-server. */
    server,
    notStored,
    policy,
    events,
    /** What is done to Countersign, as audit reads it. */
    async activities() {
      const messages = await auditor.readStream('LIFECYCLE', 1, { maxMessages: 100, maxBytes: 1e6 })
      return messages.map(({ subject, data }) => ({ subject, text: Buffer.from(data).toString() }))
    },
    /** Waits until so many calls were asked for; resolves to the id of the last one. */
    async asked(count: number) {
      return await until(async () => {
        const requested = (await events()).filter(({ event }) => event === 'requested')
        return requested.length === count ? requested.at(-1)!.callId : undefined
      }, `${count} calls were asked for`)
    },
    send,
    /** Posts one message of the legacy era; resolves to status, session and JSON. */
    post: (url: string, as: Person, message: object, session?: string) =>
      send(url, as, message, {
        'mcp-protocol-version': '2025-11-25',
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      }),
    /** Posts one request of the modern era, with the headers that belong to it and others. */
    ask: (
      url: string,
      as: Person,
      request: { method: string; params?: { name?: string; [member: string]: unknown } },
      headers: Record<string, string> = {},
      signal?: AbortSignal,
    ) =>
      send(
        url,
        as,
        { id: 1, method: request.method, params: { ...request.params, _meta: envelope } },
        {
          'mcp-protocol-version': modernEra,
          'mcp-method': request.method,
          ...(request.params?.name === undefined ? {} : { 'mcp-name': request.params.name }),
          ...headers,
        },
        signal,
      ),
  }
}

/** What a gateway answered. */
export interface Answered {
  status: number
  headers: Headers
  session: string
  text: string
  body: {
    id?: unknown
    result?: Record<string, any>
    error?: { code: number; message: string; data: Record<string, any> }
  }
}

/** Posts a message, or bytes as they are; an event stream's last message is the body. */
async function send(
  url: string,
  as: Person,
  message: object | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer token-of-${as}`,
      ...headers,
    },
    body: message instanceof Uint8Array ? message : JSON.stringify({ jsonrpc: '2.0', ...message }),
    ...(signal ? { signal } : {}),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? text : /data: (.*)\n\n$/.exec(text)?.[1]
  return {
    status: response.status,
    headers: response.headers,
    session: response.headers.get('mcp-session-id') ?? '',
    text,
    body: json === undefined ? {} : JSON.parse(json),
  }
}
