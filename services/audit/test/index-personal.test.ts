import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import type { Database } from '../src/index/schema.ts'
import { openingOf } from '../src/index/row-of.ts'
import { defaultPersonalRules } from '../src/record/encrypt/personal-rules.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import type { EventRule } from '../src/record/event-rules.ts'
import { indexHome, kinds, type TestEvent } from './index-fixture.ts'
import { indexed } from './indexed.ts'
import { personalKeys } from './personal.ts'

const naming = (part: EventRule['in'], path: string): EventRule => ({ servers: ['*'], in: part, path })
/** Besides what is personal where nothing else is said. */
const fields = ['tool', 'principal', 'delegation', 'method', 'decision.rules[*].rule', 'reason.code', '.approver']
const rules = [...defaultPersonalRules, ...fields.map((field) => naming('event', `$.${field}`))]

const secrets = ['zebratool', 'zebraperson', 'zebrarobot', 'zebramethod', 'zebrarule', 'zebracode', 'zebrachief']
const args = { name: 'giraffe' }
const [call, other] = ['zebraperson/files/zebratool', 'bob/web/zebratool!']
const decision = { policyRevision: 'r1', rules: [{ policy: 'p', rule: 'zebrarule', effect: 'hold' }], facts: { args } }
const events: TestEvent[] = [
  { call, event: 'requested', args, data: { delegation: ['zebrarobot'], method: 'zebramethod' } },
  { call, event: 'held', data: { decision } },
  { call, event: 'voted', data: { approver: 'zebrachief', vote: 'approve' } },
  { call, event: 'denied', data: { reason: { code: 'zebracode', message: 'no' } } },
  { call: other, event: 'requested', args: { text: 'lion' } },
]

for (const kind of kinds) {
  const onHome = (title: string, rulesOfTest: readonly EventRule[], more: TestEvent[], pointers: string[]) =>
    void test(`${title} (${kind})`, { timeout: 120_000 }, async (t) => {
      const home = await indexHome(t, kind)
      if ('none' in home) return t.skip(home.none)
      await neverHas(t, home, rulesOfTest, more, pointers)
    })

  onHome(
    'R28: the index has nothing of a field that a rule names, but what it forgets',
    rules,
    [],
    [
      '/data/tool',
      '/data/principal',
      '/data/approver',
      '/data/decision/rules/0/rule',
      '/data/reason/code',
      '/data/delegation',
      '/data/method',
    ],
  )
  // So many places are named in it that it is encrypted as a whole.
  const many = Object.fromEntries(
    Array.from({ length: 90 }, (_, place) => [`${'k'.repeat(200)}${place}`, { name: 'giraffe' }]),
  )
  const large = [
    { call: 'zebraperson/large/zebratool', event: 'requested', args: many, data: { delegation: ['zebrarobot'] } },
  ]
  const someOfArguments = [...rules.slice(1), naming('arguments', '$..name')]
  onHome('R28: of an event that is encrypted as a whole too', someOfArguments, large, ['/data'])
}

/** Says that the index never has what rules name, that what it has of arguments is gone with the keys, and that calls stay. */
async function neverHas(
  t: TestContext,
  home: Exclude<Awaited<ReturnType<typeof indexHome>>, { none: string }>,
  rulesOfTest: readonly EventRule[],
  more: TestEvent[],
  pointers: string[],
): Promise<void> {
  const { keys, encryptor, erase } = await personalKeys(t)
  const all = [...events, ...more]
  const read = (text: string) => readSealed(text, keys, openingOf)
  const { log, index, reach, callsOf } = await indexed(t, home, all, read, encryptor(rulesOfTest))
  const { database } = await reach()
  const tree = log.tree('default')
  const sealed = (await tree.read(0, all.length)).map(({ text }) => text)
  for (const pointer of pointers)
    assert.ok(
      sealed.some((text) => text.includes(`"path":"${pointer}"`)),
      pointer,
    )
  const kept = await everythingIn(database)
  for (const secret of secrets) assert.ok(!kept.includes(secret), secret)
  assert.ok(kept.includes('giraffe') && kept.includes('lion'))
  // Ciphertext is of no use in a list.
  assert.ok(!kept.includes('eyJ'))
  const found = await callsOf({ text: 'giraffe' })
  assert.deepEqual(
    found.calls.map(({ tool, principal }) => [tool, principal]),
    Array.from({ length: 1 + more.length }, () => ['[personal]', '[personal]']),
  )

  assert.ok(erase('zebraperson') > 0)
  await index.forget('default', { subjects: ['zebraperson'], before: undefined })
  assert.ok(!(await everythingIn(database)).includes('giraffe'))
  assert.equal((await callsOf({ text: 'lion' })).calls.length, 1)
  assert.equal((await callsOf({})).calls.length, 2 + more.length)
}

/** All rows of all tables, as text. */
async function everythingIn(database: Database): Promise<string> {
  const tables = ['records', 'calls', 'marks', 'calls_by_hour', 'calls_by_day', 'argument_words']
  const rows = await Promise.all(
    tables.map((table) =>
      sql<{ row: string }>`select each::text as row from ${sql.table(table)} as each`.execute(database),
    ),
  )
  return rows.flatMap((each) => each.rows.map(({ row }) => row)).join('\n')
}
