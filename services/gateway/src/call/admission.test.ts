import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'

const admitted = (admission: Admission, tenant: string, asked: number) => {
  let count = 0
  for (let call = 0; call < asked; call++) {
    try {
      admission.enter(tenant)()
      count += 1
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'overloaded')
    }
  }
  return count
}

test('a tenant gets its share each second, and no other tenant less for it', () => {
  let now = 0
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 50 }, () => now)
  assert.equal(admitted(admission, 'greedy', 500), 50)
  assert.equal(admitted(admission, 'modest', 50), 50)
  now += 100
  assert.equal(admitted(admission, 'greedy', 500), 5)
  now += 60_000
  assert.equal(admitted(admission, 'greedy', 500), 50, 'what was not used for a minute is not saved up')
})

test('a refusal says why, and when to ask again', () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 2 }, () => 0)
  assert.equal(admitted(admission, 'greedy', 2), 2)
  assert.throws(
    () => admission.enter('greedy'),
    /2 calls a second here and asks for more; nothing was stored.*in 500 ms/,
  )
})

test('no more calls are inside at once than may be, whoever asks; one that is answered makes room', () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 0 })
  const [leave] = Array.from({ length: 10 }, () => admission.enter('greedy'))
  assert.throws(() => admission.enter('modest'), /10 calls are waiting here already; nothing was stored/)
  leave!()
  admission.enter('modest')
  assert.throws(() => admission.enter('modest'), /10 calls/)
})

test('without a share set, only the calls that wait are bounded', () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 0 }, () => 0)
  assert.equal(admitted(admission, 'greedy', 1000), 1000)
})
