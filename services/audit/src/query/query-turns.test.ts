import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryTurns } from './query-turns.ts'

/** Queries that go on until they are let go, in the order in which they began. */
function queries() {
  const turns = new QueryTurns()
  const begun: { name: string; end: () => void }[] = []
  const ask = (tenant: string, n: number) =>
    turns.take(tenant, () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      begun.push({ name: `${tenant}${n}`, end: resolve })
      return promise
    })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    ask,
    names: () => begun.map(({ name }) => name),
    async end(name: string) {
      begun.find((each) => each.name === name)!.end()
      await settled()
    },
    settled,
  }
}

test('a tenant that asks very much leaves another one a place, and does not come before it again', async () => {
  const { ask, names, end, settled } = queries()
  const greedy = Array.from({ length: 6 }, (_, n) => ask('a', n))
  const other = [ask('b', 0), ask('b', 1)]
  await settled()
  assert.deepEqual(names(), ['a0', 'a1', 'a2', 'b0'])
  await end('a0')
  await end('a1')
  assert.deepEqual(names().slice(4), ['a3', 'b1'], 'in turn, though b asked later')
  for (const name of ['b0', 'a2', 'b1', 'a3', 'a4', 'a5']) await end(name)
  await Promise.all([...greedy, ...other])
})

test('of too many queries of a tenant the last are refused, and no other tenant is', async () => {
  const { ask, names, end, settled } = queries()
  const asked = Array.from({ length: 35 }, (_, n) => ask('a', n))
  await assert.rejects(ask('a', 35), { code: 'overloaded', message: /32 audit queries of your tenant are waiting/ })
  const other = ask('b', 0)
  await settled()
  assert.deepEqual(names(), ['a0', 'a1', 'a2', 'b0'])
  await end('b0')
  await other
  for (let n = 0; n < 35; n++) await end(`a${n}`)
  await Promise.all(asked)
})

test('a query that fails gives its place back', async () => {
  const turns = new QueryTurns()
  for (let n = 0; n < 10; n++)
    await assert.rejects(
      turns.take('a', () => Promise.reject(new Error('no'))),
      /no/,
    )
  assert.equal(await turns.take('a', async () => 'done'), 'done')
})
