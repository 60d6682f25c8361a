import { type ChildProcess, fork } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, encode } from '@countersign/bus'
import {
  callFieldsOf,
  type LifecycleEvent,
  makeActivityEvent,
  makeEvent,
  type PoliciesInForce,
  policiesKey,
  SealedRecord,
  sha256,
  subjects,
} from '@countersign/contracts'
import { type Cleanup, requestedFixture, type TestBus, until } from '@countersign/testing'
import { describeProblem, verifyLog } from '@countersign/tlog'
import type { AuditLog } from '../src/log/audit-log.ts'
import type { Log } from '../src/log/log.ts'
import { openLog } from '../src/log/open-log.ts'
import { signingKeys } from '../src/log/signing-keys.ts'
import { makeRecord } from '../src/record/make-record.ts'
import { calls } from '../src/record/record-source.ts'

/** A folder of a log, with a key to sign with. */
export interface AuditFolder {
  dir: string
  keyFile: string
  key: KeyObject
  /** Ended before the folder goes away: who still writes into it would put files back. */
  writers: (() => Promise<unknown>)[]
}

/** A folder that goes away with the test. */
export async function auditFolder(t: Cleanup): Promise<AuditFolder> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-audit-'))
  const writers: AuditFolder['writers'] = []
  t.after(async () => {
    await Promise.all(writers.map((end) => end()))
    // The index's database is a process of its own, which is there a moment longer than an audit that was killed.
    await rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 })
  })
  const key = generateKeyPairSync('ed25519').privateKey
  const keyFile = join(root, 'key.pem')
  await writeFile(keyFile, key.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  return { dir: join(root, 'log'), keyFile, key, writers }
}

/** The log of a folder, opened in this process. */
export function openTestLog({ dir, keyFile }: { dir: string; keyFile: string }): Promise<AuditLog> {
  return openLog({ dir, s3Region: 'us-east-1' }, signingKeys(keyFile))
}

/** What is wrong with a log of a folder, if anything; calls may be open. */
export async function verifyFolder(dir: string): Promise<{ records: number; problems: string[] }> {
  const { records, problems } = await verifyLog({ dir })
  return { records, problems: problems.map(describeProblem) }
}

/** A running audit service. */
export interface RunningAudit {
  child: ChildProcess
  output: () => string
  ready: () => Promise<{ status: number; body: string }>
  metrics: () => Promise<string>
  stop: (signal: NodeJS.Signals) => Promise<number | null>
}

/** Puts policies in force, as policy does, with what they take out of records. */
export async function keepPolicies(policy: Bus, redactions: PoliciesInForce['redactions']): Promise<void> {
  const kept: PoliciesInForce = { revision: null, loadedAt: null, files: [], redactions, unrecorded: [] }
  await (await policy.bucket('policies')).put(policiesKey, encode(kept))
}

/** Starts the service as a process of its own and waits until it says that it has started. */
export async function startAudit(
  t: Cleanup,
  testBus: TestBus,
  folder: Pick<AuditFolder, 'dir' | 'keyFile'> & Partial<AuditFolder>,
  more: Record<string, string> = {},
): Promise<RunningAudit> {
  const { server, dir } = testBus
  // Unless a test has seen to that.
  const policy = await testBus.connect('policy')
  if ((await (await policy.bucket('policies')).standing()).lastRevision === 0) await keepPolicies(policy, [])
  const passwordFile = join(dir, 'audit.password')
  await writeFile(passwordFile, server.passwords.audit, { mode: 0o600 })
  const child = fork(new URL('../src/main.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...process.env,
      COUNTERSIGN_NATS_URL: server.url,
      COUNTERSIGN_NATS_PASSWORD_FILE: passwordFile,
      // A bucket takes the place of the folder.
      ...(more.COUNTERSIGN_AUDIT_S3_URL ? {} : { COUNTERSIGN_AUDIT_DIR: folder.dir }),
      COUNTERSIGN_AUDIT_KEY_FILE: folder.keyFile,
      COUNTERSIGN_AUDIT_GATHER_MS: '20',
      ...more,
    },
  })
  let output = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const stop = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }
  t.after(async () => void (await stop('SIGKILL')))
  folder.writers?.push(() => stop('SIGKILL'))
  const started = new Promise<{ healthPort: number }>((resolve) =>
    child.once('message', (message) => resolve(message as never)),
  )
  const early = exited.then((code) => {
    throw new Error(`audit ended with ${code} before it had started:\n${output}`)
  })
  early.catch(() => {})
  const { healthPort } = await Promise.race([started, early])
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`)
    return { status: response.status, body: await response.text() }
  }
  const metrics = async () => (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  return { child, output: () => output, ready, metrics, stop }
}

const soon = () => Date.now() + 20_000

/** Writes calls as the services do: requested, and denied where it should end. */
export async function callWriter({ connect }: TestBus) {
  const [gateway, policy] = await Promise.all([connect('gateway'), connect('policy')])
  return {
    gateway,
    policy,
    async request(more: Parameters<typeof requestedFixture>[0] = {}, args = {}) {
      const event = makeEvent('requested', requestedFixture(more, args), { now: new Date() })
      const { seq } = await gateway.publishEvent(event.data, 'requested', event, 0, soon())
      return { at: event.data, seq }
    },
    async deny({ at, seq }: { at: ReturnType<typeof requestedFixture>; seq: number }, code = 'policy') {
      const denied = makeEvent('denied', { ...callFieldsOf(at), reason: { code, message: 'no' } }, { now: new Date() })
      return policy.publishEvent(at, 'denied', denied, seq, soon())
    },
    /** Any event of a call, by whoever may write it; its content does not matter. */
    async write(bus: Bus, at: ReturnType<typeof requestedFixture>, event: string) {
      const data = JSON.stringify({ id: `${at.callId}.${event}`, type: event, data: callFieldsOf(at) })
      return bus.store(
        { subject: subjects.call(at, event), data: Buffer.from(data), msgId: sha256(data + Math.random()) },
        soon(),
      )
    },
  }
}

/** Writes what is done to servers and policies, as lifecycle and policy do. */
export async function activityWriter({ connect }: TestBus) {
  const [lifecycle, policy] = await Promise.all([connect('lifecycle'), connect('policy')])
  return {
    serverEvent(event: LifecycleEvent['event'], tenant = 'default') {
      const data = { event, tenant, server: 'files', at: new Date().toISOString(), by: 'lifecycle', message: event }
      return lifecycle.store(
        {
          subject: subjects.lifecycleEvent(tenant, 'files', event),
          data: encode(data),
          msgId: crypto.randomUUID(),
        },
        soon(),
      )
    },
    policiesChanged() {
      const fields = { tenant: 'default', resource: { type: 'policies', name: 'current' }, by: 'policy' } as const
      const change = { revision: { before: null, after: 'r' }, added: ['files'], changed: [], removed: [] }
      const event = makeActivityEvent('policies_changed', { ...fields, ...change }, { now: new Date() })
      const subject = subjects.activity('default', 'policies_changed')
      return policy.store({ subject, data: encode(event), msgId: event.id }, soon())
    },
  }
}

/** All messages of a stream. */
export async function readAll(bus: Bus, stream: 'CALLS' | 'LIFECYCLE' | 'AUDIT') {
  const all: Awaited<ReturnType<Bus['readStream']>> = []
  for (;;) {
    const page = await bus.readStream(stream, (all.at(-1)?.seq ?? 0) + 1, { maxMessages: 1000, maxBytes: 2 ** 23 })
    if (page.length === 0) return all
    all.push(...page)
  }
}

/** What `AUDIT` carries, checked against its schema. */
export async function readAudit(bus: Bus): Promise<SealedRecord[]> {
  return (await readAll(bus, 'AUDIT')).map(({ data }) => SealedRecord.parse(JSON.parse(Buffer.from(data).toString())))
}

/** What is sealed of one stream. */
export function ofStream(sealed: readonly SealedRecord[], stream: 'CALLS' | 'LIFECYCLE'): SealedRecord[] {
  return sealed.filter(({ record }) => (record.version === 2 ? 'CALLS' : record.stream.name) === stream)
}

/** Everything in a log, each stream in its order. */
export async function readLog(log: Pick<Log, 'tenants' | 'tree'>): Promise<SealedRecord[]> {
  const entries: SealedRecord[] = []
  for (const tenant of log.tenants) {
    const tree = log.tree(tenant)
    for await (const { text } of tree.backward(tree.size)) entries.push(SealedRecord.parse(JSON.parse(text)))
  }
  const created = ({ record }: SealedRecord) => Date.parse(record.stream.created)
  return entries.toSorted((a, b) => created(a) - created(b) || a.record.stream.seq - b.record.stream.seq)
}

/** Records without a bus, for tests of the log alone. */
export function testRecords(
  count: number,
  firstSeq = 1,
  more: (seq: number) => { text?: string; tenant?: string } = () => ({}),
) {
  return Array.from({ length: count }, (_, place) => {
    const seq = firstSeq + place
    const { text = `text ${seq}`, tenant = 'default' } = more(seq)
    const data = requestedFixture({ tenant }, { text })
    const event = makeEvent('requested', data, { now: new Date() })
    const message = {
      subject: subjects.call(data, 'requested'),
      data: Buffer.from(JSON.stringify(event)),
      seq,
      storedAt: new Date(),
    }
    return makeRecord(calls, message, { created: '2026-11-22T09:00:00Z', previous: seq - 1 })
  })
}

/** The index's database runs at a low priority: beside other tests it may open late. */
export const indexPatienceMs = 90_000

/** Asks until the answer is of an index that has all of its tenant's log. */
export function whenIndexed<P extends { indexed?: number | undefined; size?: number | undefined }>(
  ask: () => Promise<P>,
): Promise<P> {
  const wholePage = async () => {
    const page = await ask()
    return page.size !== undefined && page.indexed === page.size && page
  }
  return until(wholePage, 'all is indexed', indexPatienceMs)
}
