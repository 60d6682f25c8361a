/**
 * How fast audit as a whole takes events up: `node services/audit/test/bench/ingest.ts [events, 120000]`. A real nats-server has that many
 * events of whole calls in `CALLS` when audit starts, as a process of its own with the settings of `npm start`: what is personal is encrypted,
 * salts have a key, the index is embedded. Prints, for sealed and published on `AUDIT`, and for indexed, how many a second, and the processor
 * time of each process a record; nothing else may run beside it.
 */
import { execFileSync, fork } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@countersign/bus'
import { type BusUser, verbs } from '@countersign/contracts'
import { startTestBus, type TestBus, until } from '@countersign/testing'
import { keepPolicies } from '../harness.ts'
import { storedMessages } from './messages.ts'

const count = Number(process.argv[2] ?? 120_000)
const cleanups: (() => Promise<void> | void)[] = []
const testBus = await startTestBus({ after: (clean) => void cleanups.unshift(clean) })
const root = await mkdtemp(join(tmpdir(), 'countersign-ingest-'))
cleanups.unshift(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
await keepPolicies(await testBus.connect('policy'), [])
await fill(testBus, count)

const reader = await testBus.connect('console')
const audit = fork(new URL('../../src/main.ts', import.meta.url), {
  execArgv: ['--max-semi-space-size=8', '--heap-growing-percent=60'],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  env: { ...process.env, ...(await settings()) },
})
const ended = new Promise((resolve) => audit.once('exit', resolve))
cleanups.unshift(async () => {
  audit.kill()
  await ended
})
const patienceMs = 600_000
const published = async () => (await reader.streamInfo('AUDIT')).lastSeq
await until(async () => (await published()) > 0, 'audit has begun', patienceMs)
const [begun, from] = [performance.now(), await published()]
const before = taken()
await until(async () => (await published()) >= count, 'all is published', patienceMs)
report('sealed and published', count - from, before)
await until(async () => (await indexed(reader)) >= count, 'all is indexed', patienceMs)
report('… and indexed', count - from, before)
for (const clean of cleanups) await clean()

function report(what: string, records: number, before: readonly Taken[]): void {
  const seconds = (performance.now() - begun) / 1000
  const took = taken().map(({ name, processorMs, mib }) => {
    const earlier = before.find((each) => each.name === name)?.processorMs ?? 0
    return `${name} ${((processorMs - earlier) / records).toFixed(3)} ms (${mib} MiB)`
  })
  console.log(
    `${what}: ${Math.round(records / seconds).toLocaleString('en')} records/s (${seconds.toFixed(1)} s); a record: ${took.join(', ')}`,
  )
}

async function indexed(bus: Bus): Promise<number> {
  return (await bus.callApi(verbs.audit.index, { tenant: 'default' })).indexed
}

async function settings(): Promise<Record<string, string>> {
  const file = async (name: string, content: string) => {
    await writeFile(join(root, name), content, { mode: 0o600 })
    return join(root, name)
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  const own = {
    NATS_URL: testBus.server.url,
    NATS_PASSWORD_FILE: await file('password', testBus.server.passwords.audit),
    AUDIT_DIR: join(root, 'log'),
    AUDIT_KEY_FILE: await file('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }) as string),
    AUDIT_SUBJECT_KEYS_DIR: join(root, 'subject-keys'),
    AUDIT_SUBJECT_KEK_FILE: await file('kek', `${randomBytes(32).toString('base64')}\n`),
    AUDIT_REDACTION_KEY_FILE: await file('redaction', randomBytes(32).toString('base64')),
  }
  const settings = Object.fromEntries(Object.entries(own).map(([key, value]) => [`COUNTERSIGN_${key}`, value]))
  return { ...settings, MALLOC_ARENA_MAX: '2' }
}

/** Stores the events of whole calls, each by who may write it. */
async function fill({ connect }: TestBus, count: number): Promise<void> {
  const writers: Record<string, BusUser> = {
    ...{ requested: 'gateway', held: 'policy', voted: 'policy', allowed: 'policy' },
    ...{ dispatched: 'agent-executor', succeeded: 'agent-executor' },
  }
  const buses = new Map<BusUser, Bus>()
  for (const user of new Set(Object.values(writers))) buses.set(user, await connect(user))
  const atOnce = 6000
  for (let seq = 1; seq <= count; seq += atOnce) {
    const messages = storedMessages(seq, Math.min(atOnce, count - seq + 1))
    const eventOf = (subject: string) => subject.slice(subject.lastIndexOf('.') + 1)
    for (const [event, group] of Map.groupBy(messages, ({ subject }) => eventOf(subject))) {
      const bus = buses.get(writers[event]!)!
      const stored = group.map(({ subject, data, seq }) =>
        bus.store({ subject, data, msgId: String(seq) }, Date.now() + 60_000),
      )
      await Promise.all(stored)
    }
  }
}

interface Taken {
  name: string
  processorMs: number
  mib: number
}

/** What audit, its embedded database and nats-server have taken so far. */
function taken(): Taken[] {
  const names = new Map([
    [audit.pid!, 'audit'],
    [testBus.server.process.pid!, 'nats-server'],
  ])
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n')
  return rows.flatMap((row) => {
    const [pid, parent, kib] = row.trim().split(/\s+/).map(Number)
    const name = names.get(pid!) ?? (parent === audit.pid ? 'its index' : undefined)
    return name === undefined ? [] : [{ name, processorMs: processorMs(pid!), mib: Math.round(kib! / 1024) }]
  })
}

/** User and system time, fields 14 and 15 of `/proc/<pid>/stat`, in ticks of 10 ms. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
