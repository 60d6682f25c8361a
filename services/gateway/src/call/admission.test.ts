import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
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

/** Longer than a test takes; of the shares here no more than a hundred calls. */
const long = 50_000

test('a tenant gets its share, and no other tenant less for it', async () => {
  let now = 0
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 50, shareWaitMs: 0 }
  const admission = new Admission(limits, () => now)
  assert.equal(await admitted(admission, 'greedy', 200), 10)
  assert.equal(await admitted(admission, 'modest', 10), 10)
  now += 100
  assert.equal(await admitted(admission, 'greedy', 200), 5)
})

test('a call that is withdrawn waits no longer, and of more than a hundred of a tenant that wait the others are refused as they come', async () => {
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 1, shareWaitMs: long }
  const admission = new Admission(limits, () => 0)
  assert.equal(await admitted(admission, 'greedy', 1), 1)
  const withdrawals = Array.from({ length: 100 }, () => new AbortController())
  const waiting = withdrawals.map(({ signal }, index) => {
    assert.equal(admission.refusal('greedy'), undefined, `place ${index} is free`)
    return assert.rejects(admission.enter('greedy', signal), { code: 'cancelled' })
  })
  assert.equal(admission.refusal('greedy')?.code, 'overloaded')
  assert.equal(admission.refusal('modest'), undefined)
  await assert.rejects(admission.enter('greedy'), { code: 'overloaded' })
  assert.equal(await admitted(admission, 'modest', 1), 1)
  for (const each of withdrawals) each.abort()
  await Promise.all(waiting)
  assert.equal(admission.refusal('greedy'), undefined)
})

test('a refusal says why, and when to ask again: when those who wait had their turns', async () => {
  const limits = { maxCallsInFlight: 10, tenantCallsPerSecond: 2 }
  const inVain = new Admission({ ...limits, shareWaitMs: 0 }, () => 0)
  assert.equal(await admitted(inVain, 'greedy', 1), 1)
  await assert.rejects(inVain.enter('greedy'), {
    message: 'your tenant may ask for 2 calls a second here and asks for more; nothing was stored, ask again in 500 ms',
    details: { retryAfterMs: 500 },
  })
  const full = new Admission({ ...limits, shareWaitMs: long }, () => 0)
  assert.equal(await admitted(full, 'greedy', 1), 1)
  const withdrawal = new AbortController()
  const waiting = Array.from({ length: 100 }, () => full.enter('greedy', withdrawal.signal).catch(() => {}))
  await assert.rejects(full.enter('greedy'), { details: { retryAfterMs: 50_000 } })
  withdrawal.abort()
  await Promise.all(waiting)
})

test("a second's share that comes at one instant is let in, however large the share; what comes beyond it is refused", async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const admission = new Admission({ maxCallsInFlight: 1000, tenantCallsPerSecond: 200 }, () => now)
  const codes: (string | undefined)[] = []
  const enter = async () => {
    try {
      await admission.enter('eager')
      codes.push(undefined)
    } catch (error) {
      codes.push((error as { code?: string }).code)
    }
  }
  // A fifth of a second's is let in at once, and a second's waits.
  const asked = Array.from({ length: 240 }, enter)
  assert.deepEqual(admission.refusal('eager')?.details, { retryAfterMs: 1000 })
  asked.push(enter())
  for (; now < 1000; now++) {
    t.mock.timers.tick(1)
    await setImmediate()
  }
  t.mock.timers.tick(1)
  await Promise.all(asked)
  assert.deepEqual([codes.length, codes.filter(Boolean)], [241, ['overloaded']])
})

test('of a small share too, who is refused is told to ask again when those who wait are gone', async () => {
  const admission = new Admission({ maxCallsInFlight: 10, tenantCallsPerSecond: 1 }, () => 0)
  const withdrawal = new AbortController()
  const waiting = Array.from({ length: 101 }, () => admission.enter('greedy', withdrawal.signal).catch(() => {}))
  assert.deepEqual(admission.refusal('greedy')?.details, { retryAfterMs: 2000 })
  withdrawal.abort()
  await Promise.all(waiting)
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
