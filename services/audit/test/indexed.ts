import type { TestContext } from 'node:test'
import { AuditQuery, CountQuery, SealedRecord, TopQuery } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { countOverTime } from '../src/query/count-over-time.ts'
import { findCalls, type CallQuery } from '../src/query/find-calls.ts'
import { findRecords } from '../src/query/find-records.ts'
import { listTop } from '../src/query/list-top.ts'
import { tellStory } from '../src/query/tell-story.ts'
import type { Encryptor } from '../src/record/encrypt/encryptor.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { auditFolder, indexPatienceMs, openTestLog } from './harness.ts'
import { type IndexHome, recordsOf, type TestEvent } from './index-fixture.ts'

export const failed = { error: { code: 'timeout', message: 'late' } }
export const denied = { reason: { code: 'policy', message: 'no' } }
export const rule = (name: string) => ({
  decision: { policyRevision: 'r1', rules: [{ policy: 'files', rule: name, effect: 'hold' }], facts: {} },
})

export const sample: TestEvent[] = [
  { call: 'ann/files/read', event: 'requested', args: { path: '/notes/Ärger.txt', depth: 7 } },
  { call: 'bob/files/write', event: 'requested', args: { path: '/notes/todo.txt', content: 'buy milk' } },
  { call: 'bob/files/write', event: 'held', data: rule('writes') },
  { call: 'ann/files/read', event: 'allowed' },
  { call: 'ann/files/read', event: 'dispatched' },
  { call: 'ann/web/get!', event: 'requested', args: { url: 'https://example.com/milk-shop' } },
  { call: 'ann/files/read', event: 'succeeded' },
  { call: 'ann/web/get!', event: 'denied', data: denied },
  { call: 'eve/web/get', event: 'requested', data: { delegation: ['robot', 'helper'] } },
  { call: 'eve/web/get', event: 'allowed' },
  { call: 'eve/web/get', event: 'dispatched' },
  { call: 'eve/web/get', event: 'failed', data: failed },
  { call: 'bob/files/write', event: 'voted', data: { approver: 'carol', vote: 'approve', groups: [] } },
]

/** An index that follows a log, and ways to ask it. */
export async function indexed(
  t: TestContext,
  home: IndexHome,
  events: readonly TestEvent[],
  read = (text: string) => readSealed(text),
  encryptor?: Encryptor,
) {
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const { records, calls } = recordsOf(events, 1, encryptor)
  await log.append(records)
  const index = home.follow(log, read)
  const reach = async (tenant = 'default') => {
    index.notify()
    await until(
      () => {
        const { problem, indexed: so, size } = index.status(tenant)
        if (problem !== null) throw new Error(problem)
        return so === size
      },
      'the log is indexed',
      indexPatienceMs,
    )
    return index.reach(tenant)
  }
  const query = (more: Partial<CallQuery>) => ({
    ...AuditQuery.parse({ tenant: 'default', ...more }),
    state: more.state,
  })
  return {
    ...{ log, index, calls, reach },
    async records(more: Partial<AuditQuery> = {}) {
      const asked = query(more)
      const answer = await findRecords(await reach(asked.tenant), { log: log.tree(asked.tenant), read }, asked)
      for (const record of answer.records) SealedRecord.parse(record)
      return answer
    },
    async callsOf(more: Partial<CallQuery> = {}) {
      const asked = query(more)
      return findCalls(await reach(asked.tenant), asked)
    },
    counts: async (more: object) => countOverTime(await reach(), CountQuery.parse({ tenant: 'default', ...more })),
    top: async (more: object) =>
      (await listTop(await reach(), TopQuery.parse({ tenant: 'default', ...more }))).top.map(
        ({ value, server, calls: count }) => [...(server === undefined ? [] : [server]), value, count],
      ),
    story: async (callId: string) =>
      tellStory(await reach(), { log: log.tree('default'), read }, { tenant: 'default', callId }),
  }
}
