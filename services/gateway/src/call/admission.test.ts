import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'

const admitted = async (admission: Admission, tenant: string, asked: number) => {
  let count = 0
  for (let call = 0; call < asked; call++) {
    try {
      const leave = await admission.enter(tenant)
      leave()
      count += 1
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'overloaded')
    }
  }
  return count
}

test('a tenant gets its share each second, and no other tenant less for it', async () => {
  let now = 0
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 50, shareWaitMs: 0 }
  const admission = new Admission(limits, () => now)
  assert.equal(await admitted(admission, 'greedy', 200), 50)
  assert.equal(await admitted(admission, 'modest', 50), 50)
  now += 100
  assert.equal(await admitted(admission, 'greedy', 200), 5)
  now += 60_000
  assert.equal(await admitted(admission, 'greedy', 200), 50, 'what was not used for a minute is not saved up')
})

test('a call above the share waits for it once', async () => {
  let now = 0
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 2, shareWaitMs: 0 }
  const admission = new Admission(limits, () => now)
  assert.equal(await admitted(admission, 'busy', 2), 2)
  const waiting = ['first', 'second', 'third'].map(() => admission.enter('busy'))
  now = 1000
  const ended = await Promise.allSettled(waiting)
  assert.deepEqual(
    ended.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
})

test('a call that is withdrawn waits no longer, and of more than a hundred of a tenant that wait the others are refused as they come', async () => {
  const noTest = 3_600_000
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 1, shareWaitMs: noTest }
  const admission = new Admission(limits, () => 0)
  assert.equal(await admitted(admission, 'greedy', 1), 1)
  const withdrawals = Array.from({ length: 100 }, () => new AbortController())
  const waiting = withdrawals.map(({ signal }) =>
    assert.rejects(admission.enter('greedy', signal), { code: 'cancelled' }),
  )
  await assert.rejects(admission.enter('greedy'), { code: 'overloaded' })
  for (const each of withdrawals) each.abort()
  await Promise.all(waiting)
})

test('a refusal says why, and when to ask again', async () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 2, shareWaitMs: 0 }, () => 0)
  assert.equal(await admitted(admission, 'greedy', 2), 2)
  await assert.rejects(
    admission.enter('greedy'),
    /2 calls a second here and asks for more; nothing was stored.*in 500 ms/,
  )
})

test('no more calls are inside at once than may be, whoever asks; one that is answered makes room', async () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 0 })
  const [leave] = await Promise.all(Array.from({ length: 10 }, () => admission.enter('greedy')))
  await assert.rejects(admission.enter('modest'), /10 calls are waiting here already; nothing was stored/)
  leave!()
  await admission.enter('modest')
  await assert.rejects(admission.enter('modest'), /10 calls/)
})

test('without a share set, only the calls that wait are bounded', async () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 0 }, () => 0)
  assert.equal(await admitted(admission, 'greedy', 1000), 1000)
})
