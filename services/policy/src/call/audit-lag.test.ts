import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuditLag } from './audit-lag.ts'

test('I7, R31: audit is current, behind by number or by time, or unknown when it was not heard of for too long', async () => {
  let now = 0
  let backlog: { messages: number; oldestMs: number } | undefined = { messages: 10, oldestMs: 5000 }
  const told: string[] = []
  const audit = new AuditLag({
    measure: async () => {
      if (backlog === undefined) throw new Error('no answer')
      return backlog
    },
    bounds: { maxEvents: 10, maxAgeMs: 5000 },
    onStanding: ({ state }) => told.push(state),
    now: () => now,
  })
  assert.equal(audit.standing.state, 'unknown')
  await audit.measure()
  assert.deepEqual(audit.standing, { state: 'current', events: 10, oldestMs: 5000, maxEvents: 10, maxAgeMs: 5000 })
  backlog = { messages: 11, oldestMs: 0 }
  await audit.measure()
  assert.equal(audit.standing.state, 'behind')
  assert.match(audit.standing.reason!, /11 events wait to be sealed, and at most 10 may/)
  backlog = { messages: 1, oldestMs: 5001 }
  await audit.measure()
  assert.equal(audit.standing.state, 'behind')
  assert.match(audit.standing.reason!, /waiting to be sealed for 5 s, and at most 5 s is allowed/)
  backlog = undefined
  now = 30_000
  await audit.measure()
  assert.equal(audit.standing.state, 'behind', 'the last measurement stands')
  now = 30_001
  await audit.measure()
  assert.equal(audit.standing.state, 'unknown')
  assert.match(audit.standing.reason!, /could not be found out for 30 s/)
  assert.deepEqual(told, ['current', 'behind', 'behind', 'behind', 'unknown'])
})
