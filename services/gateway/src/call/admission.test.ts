import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'

const admitted = (admission: Admission, tenant: string, asked: number) => {
  let count = 0
  for (let call = 0; call < asked; call++) {
    try {
      admission.admit(tenant, 0)
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
    () => admission.admit('greedy', 0),
    /2 calls a second here and asks for more; nothing was stored.*in 500 ms/,
  )
  assert.throws(() => admission.admit('modest', 10), /10 calls are waiting here already; nothing was stored/)
})

test('without a share set, only the calls that wait are bounded', () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 0 }, () => 0)
  assert.equal(admitted(admission, 'greedy', 1000), 1000)
})
