import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  callFieldsOf,
  callIdFromKey,
  type CallEventData,
  type JsonObject,
  newCallId,
  type SealedRecord,
  subjects,
} from '@countersign/contracts'
import { type Cleanup, findPostgres, requestedFixture, startPostgres, type TestPostgres } from '@countersign/testing'
import { LogIndex } from '../src/index/log-index.ts'
import { indexPlace } from '../src/index/open-index.ts'
import type { AuditLog } from '../src/log/audit-log.ts'
import type { Encryptor } from '../src/record/encrypt/encryptor.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { calls as callSource } from '../src/record/record-source.ts'
import { makeRecord } from '../src/record/make-record.ts'
import type { RecordText } from '../src/record/record-text.ts'

/** The two places an index can be kept in; every test of it runs in both. */
export const kinds = ['embedded', 'postgres'] as const

/** Somewhere for an index, which stays while the test runs. */
export interface IndexHome {
  kind: (typeof kinds)[number]
  /** An index of a log that follows it until the test ends or stops it. */
  follow: (log: Pick<AuditLog, 'tree' | 'tenants'>, read?: (text: string) => SealedRecord) => LogIndex
  /** Resolves when no index is open any more. */
  idle: () => Promise<void>
  /** What went wrong, and that it went well again. */
  problems: unknown[]
  /** Why an index was made anew. */
  discarded: string[]
  dir: string
  postgres?: TestPostgres
}

/** Makes a home for an index. @returns why not, where this machine cannot have one */
export async function indexHome(t: Cleanup, kind: IndexHome['kind']): Promise<IndexHome | { none: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-index-'))
  const running: LogIndex[] = []
  const idle = async () => {
    await Promise.all(running.splice(0).map((index) => index.stop()))
  }
  t.after(async () => {
    await idle()
    await rm(dir, { recursive: true, force: true })
  })
  const home: Omit<IndexHome, 'follow'> = { kind, dir, idle, problems: [], discarded: [] }
  if (kind === 'postgres') {
    const found = await findPostgres()
    if ('none' in found) return found
    home.postgres = await startPostgres(t, found.bin)
  }
  const { postgres, problems, discarded } = home
  const place = postgres ? { url: postgres.url, passwordFile: postgres.passwordFile } : { dir: join(dir, 'index') }
  return {
    ...home,
    follow(log, read = (text) => readSealed(text)) {
      const onProblem = (error: unknown) => void problems.push(error)
      const index = new LogIndex({
        log,
        read,
        onProblem,
        ...indexPlace(place, { onDiscarded: (reason) => void discarded.push(reason), onProblem }),
      })
      running.push(index)
      index.start()
      return index
    },
  }
}

export const begun = Date.parse('2026-11-22T10:00:00Z')

/** One event of a call: whose, and what more it says. */
export interface TestEvent {
  /** `<principal>/<server>/<tool>`; with `!` at its end the id of the call says no time. */
  call: string
  event: string
  tenant?: string
  args?: JsonObject
  data?: JsonObject
  /** From `begun`; left out, a second after the event before it. */
  atMs?: number
  traceparent?: string
}

/** Records of events that interleave, and the first event's data of each call by its name. */
export function recordsOf(events: readonly TestEvent[], firstSeq = 1, encryptor?: Encryptor) {
  const calls = new Map<string, CallEventData<'requested'>>()
  const records: RecordText[] = events.map(
    ({ call, event, tenant = 'default', args, data, atMs, traceparent }, place) => {
      const storedAt = new Date(begun + (atMs ?? place * 1000))
      const [principal = '', server = '', tool = ''] = call.replace('!', '').split('/')
      const callId = call.endsWith('!') ? callIdFromKey(tenant, principal, call) : newCallId(storedAt.getTime())
      const known = calls.get(call) ?? requestedFixture({ callId, tenant, principal, server, tool }, args ?? {})
      calls.set(call, known)
      const more = event === 'requested' ? known : { ...callFieldsOf(known), ...data }
      const cloudEvent = {
        ...{ id: `${known.callId}.${event}.${place}`, type: event, source: '/services/gateway' },
        ...{ time: storedAt.toISOString(), data: { ...more, ...data } },
        ...(traceparent === undefined ? {} : { traceparent }),
      }
      const seq = firstSeq + place
      return makeRecord(
        callSource,
        { subject: subjects.call(known, event), data: Buffer.from(JSON.stringify(cloudEvent)), seq, storedAt },
        { created: '2026-11-22T09:00:00Z', previous: seq - 1 },
        { encryptor },
      )
    },
  )
  return { records, calls }
}
