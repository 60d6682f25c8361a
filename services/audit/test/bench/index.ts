/**
 * How fast the index follows a log and answers: `node services/audit/test/bench/index.ts <log> [postgres]`, where the log was written by
 * `write-log.ts`. Indexes all of it, embedded in `<log>-index` or on a Postgres that it starts for the purpose, prints records a
 * second and what its own processes took for it, then asks each kind of query 100 times, each time for something else, and prints p50 and p95. Records are read from the log
 * as answers are. What is there already is not indexed again.
 */
import { execFileSync } from 'node:child_process'
import { AuditFilter, AuditQuery, type CountQuery } from '@countersign/contracts'
import { findPostgres, startPostgres } from '@countersign/testing'
import { DirectoryStore } from '@countersign/tlog'
import { LogIndex } from '../../src/index/log-index.ts'
import { indexPlace } from '../../src/index/open-index.ts'
import { AuditLog } from '../../src/log/audit-log.ts'
import { countOverTime } from '../../src/query/count-over-time.ts'
import { findCalls } from '../../src/query/find-calls.ts'
import { findRecords } from '../../src/query/find-records.ts'
import { listTop } from '../../src/query/list-top.ts'
import { tellStory } from '../../src/query/tell-story.ts'
import { readSealed } from '../../src/record/encrypt/read-sealed.ts'
import { signersOf } from './log-key.ts'

const [dir, kind = 'embedded'] = process.argv.slice(2)
if (dir === undefined) {
  console.error('usage: index.ts <log> [postgres]')
  process.exit(2)
}
const cleanups: (() => Promise<void> | void)[] = []
const told = { onDiscarded: console.error, onProblem: console.error }
const place = await placeOf(kind)
const log = new AuditLog({ store: new DirectoryStore(dir), signers: signersOf(dir) })
await log.open()
const tree = log.tree('default')
const read = (text: string) => readSealed(text)
const index = new LogIndex({ log, read, onProblem: console.error, ...indexPlace(place, told) })
const begun = performance.now()
index.start()
while (index.status('default').indexed < tree.size) await new Promise((resolve) => setTimeout(resolve, 50))
const seconds = (performance.now() - begun) / 1000
const processorSeconds = sum(processes().map((each) => each.processorSeconds))
console.log(
  `${kind}: ${tree.size} records in ${seconds.toFixed(1)} s, ${Math.round(tree.size / seconds)} a second; ` +
    `${processorSeconds} s of processor time, ${Math.round(tree.size / processorSeconds)} a second of it`,
)
// Statistics are made when it is idle.
await new Promise((resolve) => setTimeout(resolve, 15_000))
console.log(
  `resident: ${processes()
    .map(({ name, mib }) => `${name} ${mib} MiB`)
    .join(', ')}`,
)

const calls = Math.floor(tree.size / 6)
const any = (below: number) => Math.floor(Math.random() * below)
const dayMs = 86_400_000
const firstMs = Date.parse('2026-10-22T10:00:00Z')
const day = () => {
  const sinceMs = firstMs + any(Math.max(1, calls * 15_500 - dayMs))
  return { since: new Date(sinceMs).toISOString(), until: new Date(sinceMs + dayMs).toISOString() }
}
const month = { since: new Date(firstMs).toISOString(), until: new Date(firstMs + 31 * dayMs).toISOString() }
const records = async (more: object) =>
  findRecords(await index.reach('default'), { log: tree, read }, AuditQuery.parse({ tenant: 'default', ...more }))
const callsOf = async (more: object) =>
  findCalls(await index.reach('default'), { ...AuditQuery.parse({ tenant: 'default', ...more }), ...more })
const someCall = async () => (await records({ before: any(tree.size) + 1, limit: 1 })).records[0]!.record.callId!
const counted = async (more: Omit<CountQuery, 'tenant' | 'since' | 'until'> & { since: string; until: string }) =>
  countOverTime(await index.reach('default'), { tenant: 'default', ...more })
const top = async (more: object) =>
  listTop(await index.reach('default'), {
    ...AuditFilter.parse({ tenant: 'default', ...more }),
    by: 'tool',
    limit: 10,
    ...more,
  })
const ids = await Promise.all(Array.from({ length: 100 }, someCall))

const queries: Record<string, (turn: number) => Promise<unknown>> = {
  'records, newest 100': () => records({}),
  'records, a page far back': () => records({ before: any(tree.size), size: tree.size }),
  'records of a principal': () => records({ principal: `person${any(500)}` }),
  'records of a tool, denied or held': () => records({ tool: `tool${any(200)}`, outcome: 'held' }),
  'records of a server on a day': () => records({ server: `server${any(20)}`, ...day() }),
  'records of a call': (turn) => records({ callId: ids[turn] }),
  'calls, newest 100': () => callsOf({}),
  'calls of a principal on a day': () => callsOf({ principal: `person${any(500)}`, ...day() }),
  'calls that an approver voted on': () => callsOf({ approver: `approver${any(7)}`, outcome: 'voted' }),
  'calls by a rule': () => callsOf({ rule: 'writes' }),
  'calls by a word in 1 of 20,000': () => callsOf({ text: `order${any(20_000)}` }),
  'calls by a word in all': () => callsOf({ text: 'friday' }),
  'calls by how a word begins': () => callsOf({ text: `order${any(2000)}*` }),
  "a call's story": async (turn) =>
    tellStory(await index.reach('default'), { log: tree, read }, { tenant: 'default', callId: ids[turn]! }),
  'calls an hour, a day': () => counted({ of: 'calls', bucket: '1h', ...day() }),
  'calls a day, 31 days': () => counted({ of: 'calls', bucket: '1d', ...month }),
  'top tools of a day': () => top({ ...day() }),
  'top principals of all': () => top({ by: 'principal' }),
  'top rules of all': () => top({ by: 'rule' }),
}
for (const [name, query] of Object.entries(queries)) {
  const times: number[] = []
  for (let turn = 0; turn < 100; turn++) {
    const asked = performance.now()
    await query(turn)
    times.push(performance.now() - asked)
  }
  times.sort((a, b) => a - b)
  console.log(
    `${name.padEnd(36)} ${times[50]!.toFixed(1).padStart(8)} ${times[94]!.toFixed(1).padStart(8)} ms (p50, p95)`,
  )
}
await index.stop()
await log.close()
for (const clean of cleanups) await clean()

async function placeOf(kind: string) {
  if (kind !== 'postgres') return { logDir: dir }
  const found = await findPostgres()
  if ('none' in found) throw new Error(found.none)
  const { url, passwordFile } = await startPostgres({ after: (clean) => void cleanups.unshift(clean) }, found.bin)
  return { url, passwordFile }
}

/** This process and the embedded database, which it started; a Postgres server's own processes are not among them. */
function processes(): { name: string; mib: number; processorSeconds: number }[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,time=,args='], { encoding: 'utf8' }).trim().split('\n')
  return rows.flatMap((row) => {
    const [pid, parent, kib, time, ...args] = row.trim().split(/\s+/)
    const embedded = Number(parent) === process.pid && args.some((each) => each.endsWith('pglite-main.ts'))
    if (Number(pid) !== process.pid && !embedded) return []
    const processorSeconds = time!.split(/[-:]/).reduce((total, part) => total * 60 + Number(part), 0)
    return { name: embedded ? 'embedded' : 'audit', mib: Math.round(Number(kib) / 1024), processorSeconds }
  })
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
