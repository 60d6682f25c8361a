import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuditGate } from './audit-gate.ts'
import type { Outcome } from './await-outcome.ts'

const denied = (code: string, message = 'x') =>
  ({ name: 'denied', event: { data: { reason: { code, message } } } }) as unknown as Outcome
const ended = (name: string) => ({ name, event: { data: {} } }) as unknown as Outcome

test('R31: while policy refuses for want of audit, calls are refused with its words, and one in 200 ms is put to it', () => {
  const clock = { ms: 1000 }
  const gate = new AuditGate(() => clock.ms)
  const learn = (outcome: Outcome, askedAt = (clock.ms += 1)) => gate.learn(outcome, askedAt)
  for (let call = 0; call < 100; call++)
    assert.equal(gate.refusal(), undefined, 'nothing is refused before policy does')
  learn(denied('audit_behind', '7 events wait'))
  let asked = 0
  for (; clock.ms < 11_000; clock.ms += 1) {
    if (gate.refusal() === undefined) asked += 1
    else assert.equal(gate.refusal(), '7 events wait')
    gate.learn(denied('audit_behind', '7 events wait'), clock.ms)
  }
  assert.ok(asked >= 48 && asked <= 50, `${asked} were put to policy in ten seconds`)
  // What says nothing of audit as it is now changes nothing.
  for (const outcome of [{ name: 'timeout' } as const, ended('cancelled'), denied('no_policy')]) learn(outcome)
  learn(ended('succeeded'), 5000)
  gate.refusal()
  assert.equal(gate.refusal(), '7 events wait')
  learn(denied('policy'))
  assert.equal(gate.refusal(), undefined, 'audit was looked at before the rules were')
  learn(denied('audit_behind', '8 events wait'))
  assert.equal(gate.refusal(), '8 events wait')
  learn(ended('succeeded'))
  assert.equal(gate.refusal(), undefined)
})
