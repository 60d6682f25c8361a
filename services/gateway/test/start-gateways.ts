import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RegistryView } from '@countersign/bus'
import { parseCallSubject } from '@countersign/contracts'
import { UsersFileAuthenticator } from '@countersign/identity'
import { createLogger } from '@countersign/telemetry'
import { type Cleanup, register, serverEntryFixture, startTestBus, until } from '@countersign/testing'
import { Admission } from '../src/call/admission.ts'
import { OutcomeBoard } from '../src/call/outcome-board.ts'
import { VisibleTools } from '../src/catalog/visible-tools.ts'
import { Cancellations } from '../src/mcp/cancellations.ts'
import { Listener } from '../src/mcp/listener.ts'
import { Sessions } from '../src/mcp/sessions.ts'

const people = [
  { id: 'ann', tenant: 'default' },
  { id: 'bob', tenant: 'default' },
  { id: 'ann-elsewhere', tenant: 'elsewhere' },
] as const
export type Person = (typeof people)[number]['id']

/** Replicas of the gateway on one bus, with a tool `wait` of the server `files`; nobody decides, so that calls stay where they are. */
export async function startGateways(t: Cleanup, replicas: number) {
  const stops: (() => Promise<void> | void)[] = []
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop()
  })
  const { connect, dir } = await startTestBus(t)
  const [lifecycle, reader] = await Promise.all([connect('lifecycle'), connect('provisioner')])
  await register(lifecycle, serverEntryFixture('files', 'http://127.0.0.1:9/mcp'), [
    { name: 'wait', inputSchema: { type: 'object' } },
  ])
  const usersFile = join(dir, 'users.json')
  const users = people.map(({ id, tenant }) => {
    return { id, tenant, groups: ['agents'], tokenSha256: createHash('sha256').update(`token-of-${id}`).digest('hex') }
  })
  writeFileSync(usersFile, JSON.stringify({ users }), { mode: 0o600 })

  const startOne = async () => {
    const bus = await connect('gateway')
    const registry = new RegistryView()
    const board = new OutcomeBoard(bus, crypto.randomUUID())
    const cancellations = new Cancellations(bus)
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
      sessions: new Sessions(await bus.bucket('sessions')),
      authenticator: new UsersFileAuthenticator(usersFile),
      host: '127.0.0.1',
      port: 0,
      served: { hosts: new Set(), setting: 'none' },
      maxBodyBytes: 100_000,
      callTimeoutMs: 30_000,
      holdWindowMs: 0,
      admission: new Admission({ maxCallsInFlight: 100, tenantCallsPerSecond: 0 }),
      onAnswered: () => {},
    })
    const port = await listener.listen()
    stops.push(async () => {
      await listener.close()
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
    events,
    /** Waits until so many calls were asked for; resolves to the id of the last one. */
    async asked(count: number) {
      return await until(async () => {
        const requested = (await events()).filter(({ event }) => event === 'requested')
        return requested.length === count ? requested.at(-1)!.callId : undefined
      }, `${count} calls were asked for`)
    },
    /** Posts one message; resolves to status, session and JSON. */
    async post(url: string, as: Person, message: object, session?: string) {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer token-of-${as}`,
          'mcp-protocol-version': '2025-11-25',
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      })
      const text = await response.text()
      return {
        status: response.status,
        session: response.headers.get('mcp-session-id') ?? '',
        body: (text === '' ? {} : JSON.parse(text)) as { result?: { structuredContent?: object }; error?: object },
      }
    },
  }
}
