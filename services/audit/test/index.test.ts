import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { AuditQuery, type CallView, newCallId } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { sql } from 'kysely'
import { ask } from '../src/query/ask.ts'
import type { CallQuery } from '../src/query/find-calls.ts'
import { findRecords } from '../src/query/find-records.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { begun, type IndexHome, indexHome, kinds, recordsOf, type TestEvent } from './index-fixture.ts'
import { denied, indexed, rule, sample } from './indexed.ts'

/** Calls of three days, some of which go on much later, one of which begins anew. */
function eventsOfDays(): TestEvent[] {
  const events: TestEvent[] = []
  for (let place = 0; place < 250; place++) {
    const call = `p${place % 7}/s${place % 3}/t${place % 5}/${place}`
    const atMs = place * 1_000_000
    events.push({ call, event: 'requested', atMs })
    if (place % 4 === 0) events.push({ call, event: 'held', data: rule('writes'), atMs: atMs + 500_000 })
    if (place % 2 === 0)
      events.push({
        call,
        event: place % 3 === 0 ? 'denied' : 'allowed',
        data: place % 3 === 0 ? denied : {},
        atMs: atMs + 40_000_000,
      })
    else
      events.push({ call, event: 'allowed', atMs: atMs + 1000 }, { call, event: 'succeeded', atMs: atMs + 80_000_000 })
  }
  return events.toSorted((a, b) => a.atMs! - b.atMs!)
}

for (const kind of kinds) {
  // One for all: making an embedded Postgres takes seconds, and each test's log is not the one that was indexed before.
  const home = indexHome({ after: (clean) => after(clean, { timeout: 60_000 }) }, kind)
  const onHome = (title: string, body: (t: TestContext, home: IndexHome) => Promise<void>) =>
    void test(`${title} (${kind})`, { timeout: 120_000 }, async (t) => {
      const made = await home
      if ('none' in made) return t.skip(made.none)
      try {
        await body(t, made)
      } finally {
        await made.idle()
      }
    })

  onHome('R11, R20: records and calls are found by every filter, newest first', async (t, home) => {
    const { records, calls, callsOf } = await indexed(t, home, sample)
    const places = async (more: Partial<AuditQuery> = {}) => {
      const answer = await records(more)
      assert.deepEqual([answer.next, answer.size, answer.indexed], [null, 13, 13])
      return answer.records.map(({ index }) => index)
    }
    assert.deepEqual(await places(), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    assert.deepEqual(await places({ callId: calls.get('ann/files/read')!.callId }), [6, 4, 3, 0])
    assert.deepEqual(await places({ principal: 'ann', server: 'web' }), [7, 5])
    assert.deepEqual(await places({ tool: 'get', outcome: 'requested' }), [8, 5])
    assert.deepEqual(await places({ outcome: 'denied' }), [7])
    assert.deepEqual(await places({ since: '2026-11-22T10:00:03Z', until: '2026-11-22T10:00:05.000Z' }), [5, 4, 3])
    assert.deepEqual(await places({ since: '2027-01-01T00:00:00Z' }), [])
    assert.deepEqual(await places({ before: 2 }), [1, 0])
    assert.deepEqual(await places({ callId: newCallId(begun + 86_400_000) }), [])
    assert.deepEqual(await places({ rule: 'writes' }), [12, 2, 1])
    assert.deepEqual(await places({ rule: 'files/writes', outcome: 'requested' }), [1])
    assert.deepEqual(await places({ rule: 'files/other' }), [])
    assert.deepEqual(await places({ approver: 'carol', outcome: 'voted' }), [12])
    assert.deepEqual(await places({ agent: 'robot' }), [11, 10, 9, 8])
    assert.deepEqual(await places({ agent: 'eve' }), [])
    assert.deepEqual(await places({ agent: 'ann', outcome: 'requested' }), [5, 0])
    const asked = async (text: string) => places({ text, outcome: 'requested' })
    assert.deepEqual(await asked('MILK'), [5, 1])
    assert.deepEqual(await asked('milk notes'), [1])
    assert.deepEqual(await asked('ärg*'), [0])
    assert.deepEqual(await asked('/notes/todo.txt'), [1])
    assert.deepEqual(await asked('7'), [0])
    assert.deepEqual(await asked('path'), [])

    const rows = (await callsOf()).calls
    assert.deepEqual(
      rows.map(({ principal, tool, state, code }) => [principal, tool, state, code]),
      [
        ['bob', 'write', 'voted', undefined],
        ['eve', 'get', 'failed', 'timeout'],
        ['ann', 'get', 'denied', 'policy'],
        ['ann', 'read', 'succeeded', undefined],
      ],
    )
    assert.equal(rows[0]!.requestedAt, new Date(begun + 1000).toISOString())
    assert.equal(rows[0]!.updatedAt, new Date(begun + 12_000).toISOString())
    assert.equal(rows[0]!.callId, calls.get('bob/files/write')!.callId)
    const who = async (more: Partial<CallQuery>) => (await callsOf(more)).calls.map(({ principal }) => principal)
    assert.deepEqual(await who({ outcome: 'held' }), ['bob'])
    assert.deepEqual(await who({ outcome: 'allowed' }), ['eve', 'ann'])
    assert.deepEqual(await who({ state: 'held' }), [])
    assert.deepEqual(await who({ state: 'voted' }), ['bob'])
    assert.deepEqual(await who({ state: 'failed', outcome: 'allowed' }), ['eve'])
    assert.deepEqual(await who({ text: 'milk' }), ['bob', 'ann'])
    assert.deepEqual(await who({ agent: 'helper', server: 'web' }), ['eve'])
  })

  onHome('R21: pages hold everything once, of the log as it was with the first of them', async (t, home) => {
    // Calls that are open for long, so that every page begins in the middle of many of them.
    const events: TestEvent[] = []
    for (let place = 0; place < 60; place++) {
      events.push({ call: `p${place}/files/read`, event: 'requested' })
      if (place >= 9) events.push({ call: `p${place - 9}/files/read`, event: 'allowed' })
      if (place >= 14 && place % 3 > 0) {
        events.push({ call: `p${place - 14}/files/read`, event: place % 3 === 1 ? 'denied' : 'held' })
      }
    }
    const { log, records, callsOf } = await indexed(t, home, events)
    const rows: CallView[] = []
    const found: number[] = []
    let more = 0
    for (let before: number | null | undefined, size: number | undefined; before !== null;) {
      const cursor = before === undefined ? {} : { before, size: size! }
      const page = await callsOf({ limit: 7, ...cursor })
      size ??= page.indexed
      assert.ok(page.calls.length <= 7)
      rows.push(...page.calls)
      before = page.next
      // Every open call goes on while somebody turns the pages.
      const call = { call: `late${more}/files/read`, event: 'requested' }
      await log.append(recordsOf([call], events.length + ++more).records)
    }
    const size = log.tree('default').size - more
    assert.equal(rows.length, 60)
    assert.equal(new Set(rows.map(({ callId }) => callId)).size, 60)
    const newest = new Map(events.map(({ call, event }) => [call.split('/')[0], event]))
    assert.deepEqual(new Map(rows.map(({ principal, state }) => [principal, state])), newest)
    for (let before: number | null | undefined; before !== null;) {
      const page: Awaited<ReturnType<typeof records>> = await records({
        limit: 10,
        size,
        ...(before === undefined ? {} : { before }),
      })
      found.push(...page.records.map(({ index }) => index))
      before = page.next
    }
    assert.deepEqual(
      found,
      Array.from({ length: size }, (_, place) => size - 1 - place),
    )
  })

  onHome('R20: a tenant sees its own log only, whatever it asks', async (t, home) => {
    const other = sample.map((event) => ({ ...event, call: event.call.replace('/', '2/'), tenant: 'other' }))
    const { reach, records, callsOf, top, story, calls } = await indexed(t, home, [...sample, ...other])
    const own = new Set((await records({ tenant: 'other' })).records.map(({ record }) => record.tenant))
    assert.deepEqual(own, new Set(['other']))
    assert.equal((await records()).records.length, 13)
    assert.deepEqual(
      (await callsOf({ text: 'milk', tenant: 'other' })).calls.map(({ principal }) => principal),
      ['bob2', 'ann2'],
    )
    assert.deepEqual((await callsOf({ callId: calls.get('eve2/web/get')!.callId })).calls, [])
    assert.equal((await top({ by: 'principal' })).length, 3)
    await assert.rejects(story(calls.get('eve2/web/get')!.callId), { code: 'unknown_call' })
    const nobody = await findRecords(
      await reach('nobody'),
      { log: { readEach: async function* () {} }, read: (text) => readSealed(text) },
      AuditQuery.parse({ tenant: 'nobody' }),
    )
    assert.deepEqual(nobody, { records: [], next: null, size: 0, indexed: 0 })
  })

  onHome('R22: calls and records are counted over time, and the most frequent values listed', async (t, home) => {
    const { counts, top } = await indexed(t, home, [
      ...sample,
      { call: 'zoe/files/read', event: 'requested', atMs: 3_700_000 },
    ])
    const time = { since: '2026-11-22T09:30:00Z', until: '2026-11-22T11:30:00Z' }
    const hours = await counts({ ...time, bucket: '1h' })
    assert.equal(hours.total, 5)
    assert.deepEqual(
      hours.buckets.map(({ at, total, by }) => [at.slice(11, 16), total, by]),
      [
        ['09:00', 0, {}],
        ['10:00', 4, { voted: 1, succeeded: 1, denied: 1, failed: 1 }],
        ['11:00', 1, { requested: 1 }],
      ],
    )
    const events = await counts({ ...time, bucket: '1d', of: 'records', principal: 'ann' })
    assert.deepEqual(events.buckets[0]!.by, { requested: 2, allowed: 1, dispatched: 1, succeeded: 1, denied: 1 })
    assert.equal((await counts({ ...time, bucket: '1h', text: 'milk' })).total, 2)
    assert.equal((await counts({ ...time, bucket: '1h', outcome: 'allowed' })).total, 2)
    assert.equal((await counts({ ...time, until: '2026-11-22T10:00:02Z', bucket: '1m' })).total, 2)
    await assert.rejects(counts({ since: '2020-01-01T00:00:00Z', until: '2026-01-01T00:00:00Z', bucket: '1m' }), {
      code: 'invalid_params',
      message: /buckets of 1m/,
    })
    await assert.rejects(counts({ since: time.until, until: time.since, bucket: '1h' }), { code: 'invalid_params' })

    assert.deepEqual(await top({ by: 'principal' }), [
      ['ann', 2],
      ['bob', 1],
      ['eve', 1],
      ['zoe', 1],
    ])
    assert.deepEqual(await top({ by: 'tool', limit: 2 }), [
      ['web', 'get', 2],
      ['files', 'read', 2],
    ])
    assert.deepEqual(await top({ by: 'rule' }), [['files/writes', 1]])
    assert.deepEqual(await top({ by: 'approver' }), [['carol', 1]])
    assert.deepEqual(await top({ by: 'agent', server: 'web' }), [
      ['ann', 1],
      ['helper', 1],
      ['robot', 1],
    ])
    assert.deepEqual(await top({ by: 'code' }), [
      ['policy', 1],
      ['timeout', 1],
    ])
    assert.deepEqual(await top({ by: 'state', since: '2026-11-22T11:00:00Z' }), [['requested', 1]])
  })

  onHome('R22: what is added up from hours and days is what counting every call gives', async (t, home) => {
    const hourMs = 3_600_000
    const events = eventsOfDays()
    const { log, index, counts, top, reach } = await indexed(t, home, [])
    const { records } = recordsOf(events)
    // In many parts, so that calls go on that were counted before.
    for (let from = 0; from < records.length; from += 150) {
      await log.append(records.slice(from, from + 150))
      await reach()
    }
    const calls = [...Map.groupBy(events, ({ call }) => call).values()].map((of) => {
      const asked = of.findLast(({ event }) => event === 'requested')!
      const [principal, server, tool] = asked.call.replace('!', '').split('/')
      const rules = of.some(({ event }) => event === 'held') ? ['files/writes'] : []
      return { principal, server, tool, rules, beganMs: begun + asked.atMs!, state: of.at(-1)!.event }
    })
    const times = [
      {},
      { since: new Date(begun - 1.5 * hourMs).toISOString(), until: new Date(begun + 40.25 * hourMs).toISOString() },
      { since: new Date(begun + 2.5 * hourMs).toISOString(), until: new Date(begun + 3.75 * hourMs).toISOString() },
      { since: new Date(begun + 14 * hourMs).toISOString() },
      { until: new Date(begun + 38 * hourMs).toISOString() },
    ]
    const check = async () => {
      for (const { since = '0001-01-01T00:00:00Z', until = '9999-01-01T00:00:00Z', ...rest } of times) {
        const within = calls.filter(({ beganMs }) => beganMs >= Date.parse(since) && beganMs < Date.parse(until))
        const listed = async (by: string) =>
          Object.fromEntries(
            (await top({ by, limit: 100, since, until, ...rest })).map((row) => [
              row.slice(0, -1).join('/'),
              row.at(-1),
            ]),
          )
        const expected = (of: (call: (typeof calls)[number]) => string[]) =>
          Object.fromEntries(
            [...Map.groupBy(within.flatMap(of), (value) => value)].map(([value, group]) => [value, group.length]),
          )
        assert.deepEqual(
          await listed('principal'),
          expected(({ principal }) => [principal!]),
        )
        assert.deepEqual(
          await listed('agent'),
          expected(({ principal }) => [principal!]),
        )
        assert.deepEqual(
          await listed('tool'),
          expected(({ server, tool }) => [`${server}/${tool}`]),
        )
        assert.deepEqual(
          await listed('server'),
          expected(({ server }) => [server!]),
        )
        assert.deepEqual(
          await listed('rule'),
          expected(({ rules }) => rules),
        )
        assert.deepEqual(
          await listed('state'),
          expected(({ state }) => [state]),
        )
        assert.deepEqual(
          await listed('code'),
          expected(({ state }) => (state === 'denied' ? ['policy'] : [])),
        )
        if (!('since' in rest) && since < '2026') continue
        for (const bucket of ['1h', '6h', '1d']) {
          const answer = await counts({ since, until: until > '9' ? '2026-11-30T00:00:00Z' : until, bucket })
          assert.equal(answer.total, within.length)
          for (const { at, by } of answer.buckets) {
            const [fromMs, toMs] = [Date.parse(at), Date.parse(at) + { '1h': 1, '6h': 6, '1d': 24 }[bucket]! * hourMs]
            const states = Map.groupBy(
              within.filter(({ beganMs }) => beganMs >= fromMs && beganMs < toMs),
              ({ state }) => state,
            )
            assert.deepEqual(by, Object.fromEntries([...states].map(([state, group]) => [state, group.length])))
          }
        }
      }
    }
    await check()
    await index.rebuild('default')
    await reach()
    await check()
  })

  onHome('R20, R22: a call that begins anew under its idempotency key is shown as the newest', async (t, home) => {
    const first: TestEvent[] = [
      { call: 'ann/files/read!', event: 'requested', args: { path: '/old' }, atMs: 0 },
      { call: 'ann/files/read!', event: 'held', data: rule('writes'), atMs: 1000 },
      { call: 'ann/files/read!', event: 'denied', data: denied, atMs: 2000 },
    ]
    const dayMs = 25 * 3_600_000
    const anew = { tool: 'write', method: 'resources/read', arguments: { inline: { path: '/new' } } }
    const second: TestEvent[] = [
      { call: 'ann/files/read!', event: 'requested', data: anew, atMs: dayMs },
      { call: 'ann/files/read!', event: 'allowed', data: anew, atMs: dayMs + 1000 },
    ]
    for (const atOnce of [true, false]) {
      const { log, callsOf, top, counts, reach } = await indexed(t, home, atOnce ? [...first, ...second] : first)
      if (!atOnce) {
        await reach()
        await log.append(recordsOf([...first, ...second]).records.slice(3))
      }
      const time = { since: '2026-11-22T00:00:00Z', until: '2026-11-25T00:00:00Z' }
      const { calls } = await callsOf()
      assert.deepEqual(
        calls.map(({ server, tool, state, code, requestedAt }) => [server, tool, state, code, requestedAt]),
        [['files', 'write', 'allowed', undefined, new Date(begun + dayMs).toISOString()]],
      )
      assert.deepEqual(await top({ by: 'tool' }), [['files', 'write', 1]])
      assert.deepEqual(await top({ by: 'rule', ...time, since: '2026-11-23T00:00:00Z' }), [['files/writes', 1]])
      assert.deepEqual(await top({ by: 'code' }), [])
      const days = await counts({ ...time, bucket: '1d' })
      assert.deepEqual(
        days.buckets.map(({ by }) => by),
        [{}, { allowed: 1 }, {}],
      )
      for (const text of ['old', 'new']) assert.equal((await callsOf({ text })).calls.length, 1)
      await log.close()
      await home.idle()
    }
  })

  onHome("R22: a call's story is told from end to end, with its trace", async (t, home) => {
    const traced = sample.map((event, place) =>
      place === 1 ? { ...event, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } : event,
    )
    const { story, calls } = await indexed(t, home, traced)
    const told = await story(calls.get('bob/files/write')!.callId)
    assert.equal(told.traceId, 'a'.repeat(32))
    assert.deepEqual(
      told.steps.map(({ index, event }) => [index, event]),
      [
        [1, 'requested'],
        [2, 'held'],
        [12, 'voted'],
      ],
    )
    assert.deepEqual(told.rules, [{ policyRevision: 'r1', policy: 'files', rule: 'writes', effect: 'hold' }])
    assert.deepEqual(
      told.approvals.map(({ approver, vote }) => [approver, vote]),
      [['carol', 'approve']],
    )
    assert.deepEqual([told.call.state, told.call.principal, told.agents], ['voted', 'bob', ['bob']])
    const lost = await story(calls.get('eve/web/get')!.callId)
    assert.deepEqual(
      [lost.outcome?.status, lost.outcome?.reason?.code, lost.agents],
      ['failed', 'timeout', ['robot', 'helper']],
    )
    await assert.rejects(story(newCallId(begun)), { code: 'unknown_call' })
  })

  onHome('R15, R20: a query built to be slow or wrong is refused with the reason', async (t, home) => {
    const { records, reach } = await indexed(t, home, sample)
    const refused: [string, RegExp][] = [
      ['*** --- !!', /no word/],
      ['a b c d e f g h i', /9 words; 8 at most/],
      ['ab*', /too short/],
    ]
    for (const [text, message] of refused) await assert.rejects(records({ text }), { code: 'invalid_params', message })
    // Nothing in a text is more than letters and digits to the database.
    assert.deepEqual((await records({ text: "milk' | 'x" })).records, [])
    assert.deepEqual((await records({ principal: "' or 1=1 --" })).records, [])
    const { database } = await reach()
    const forever = sql`select count(*) from generate_series(1, 1000000000) a, generate_series(1, 1000) b`
    await assert.rejects(
      ask(() => forever.execute(database)),
      { code: 'query_too_slow', message: /name a shorter time/ },
    )
    // Statements that are each quick enough have one deadline together.
    let statements = 0
    const many = ask(async (deadline) => {
      for (; statements < 1000; statements++) await sql`select pg_sleep(0.05)`.execute(database, deadline)
    }, 500)
    await assert.rejects(many, { code: 'query_too_slow', message: /name a shorter time/ })
    assert.ok(statements < 1000, 'none begins after the deadline')
    // And the next one is answered.
    assert.equal((await records()).records.length, 13)
  })

  onHome('R20: the index goes on where it was, and begins anew when it is not of this log', async (t, home) => {
    const first = await indexed(t, home, sample)
    await first.reach()
    await first.index.stop()
    // The same log, longer.
    await first.log.append(recordsOf([{ call: 'new/files/read', event: 'requested' }], 14).records)
    const again = home.follow(first.log)
    again.notify()
    await until(() => again.status('default').indexed === 14, 'the rest is indexed')
    const { log } = await again.reach('default')
    await again.rebuild('default')
    await until(() => again.status('default').indexed === 14, 'all is indexed anew')
    const rebuilt = await again.reach('default')
    assert.notEqual(rebuilt.log, log)
    await until(async () => {
      const { count } = await rebuilt.database
        .selectFrom('records')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      return count === 14
    }, 'what was indexed before is deleted')
    await again.stop()
    // Another log in its place, which is as long.
    const other = await indexed(t, home, [...sample.toReversed(), { call: 'last/web/get', event: 'requested' }])
    assert.equal((await other.records({ principal: 'last' })).records.length, 1)
    assert.equal((await other.records({ principal: 'new' })).records.length, 0)
    assert.deepEqual(home.discarded, [])
  })

  onHome('R20: what was erased of a subject is found by its content no more, and the rest stays', async (t, home) => {
    let erased = false
    // Stands for a key that is there and then is not.
    const opened = (text: string) => readSealed(erased ? text.replaceAll('milk', '#') : text)
    const redacted = { call: '[redacted]/files/read', event: 'requested', args: { path: '/milk' } }
    const { index, callsOf } = await indexed(t, home, [...sample, redacted], opened)
    assert.equal((await callsOf({ text: 'milk' })).calls.length, 3)
    erased = true
    await index.forget('default', { subjects: ['bob'], before: undefined })
    const who = async (more: Partial<CallQuery>) => (await callsOf(more)).calls.map(({ principal }) => principal)
    assert.deepEqual(await who({ text: 'milk' }), ['ann'])
    assert.deepEqual(await who({ text: 'buy notes' }), ['bob'])
    assert.deepEqual(await who({ principal: 'bob' }), ['bob'])
    await index.forget('default', { subjects: [], before: new Date(0) })
    assert.deepEqual(await who({ text: 'milk' }), ['ann'])
    await index.forget('default', { subjects: [], before: new Date(Date.now() + 3_600_000) })
    assert.deepEqual([await who({ text: 'milk' }), await who({ principal: 'ann' })], [[], ['ann', 'ann']])
    await index.forgetDeleted()
    assert.deepEqual(await who({ text: 'buy notes' }), ['bob'])
  })
}
