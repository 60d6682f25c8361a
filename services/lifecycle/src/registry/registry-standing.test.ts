import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { RegistryStanding } from './registry-standing.ts'

async function lookAfter(t: TestContext, first: { created: string; lastRevision: number }) {
  let now = first
  let ms = 0
  t.mock.method(performance, 'now', () => ms)
  const standing = await RegistryStanding.of({ standing: async () => now })
  return async (next: typeof first, onLost = async () => {}) => {
    now = next
    ms += 1000
    let told = 0
    await standing.look(() => {
      told++
      return onLost()
    })
    return told === 1
  }
}

test('I12: a registry that was made anew, or went back to an earlier state, is noticed once', async (t) => {
  const look = await lookAfter(t, { created: 'first', lastRevision: 5 })
  assert.equal(await look({ created: 'first', lastRevision: 5 }), false)
  assert.equal(await look({ created: 'first', lastRevision: 9 }), false)
  assert.equal(await look({ created: 'first', lastRevision: 8 }), true)
  assert.equal(await look({ created: 'first', lastRevision: 8 }), false)
  assert.equal(await look({ created: 'second', lastRevision: 20 }), true)
  assert.equal(await look({ created: 'second', lastRevision: 20 }), false)
})

test('I12: a loss is told again until what was lost could be put back', async (t) => {
  const look = await lookAfter(t, { created: 'first', lastRevision: 5 })
  const lost = { created: 'second', lastRevision: 0 }
  const fails = () => Promise.reject(new Error('the store does not answer'))
  await assert.rejects(look(lost, fails))
  assert.equal(await look(lost), true)
  assert.equal(await look(lost), false)
})
