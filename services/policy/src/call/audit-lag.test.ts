import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuditLag } from './audit-lag.ts'

test('I7: audit is current, behind, or unknown when it was not heard of for too long', async () => {
  let now = 0
  let lag: number | undefined = 10
  const known: boolean[] = []
  const audit = new AuditLag({
    measure: async () => {
      if (lag === undefined) throw new Error('no answer')
      return lag
    },
    maxLag: 10,
    onKnown: (is) => known.push(is),
    now: () => now,
  })
  assert.equal(audit.state, 'unknown')
  await audit.measure()
  assert.equal(audit.state, 'current')
  lag = 11
  await audit.measure()
  assert.equal(audit.state, 'behind')
  lag = undefined
  now = 30_000
  await audit.measure()
  assert.equal(audit.state, 'behind', 'the last measurement stands')
  now = 30_001
  await audit.measure()
  assert.equal(audit.state, 'unknown')
  assert.deepEqual(known, [true, true, true, false])
})
