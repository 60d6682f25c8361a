import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { AuditRecordV3, type JsonObject } from '@countersign/contracts'
import { sectionsOf } from './sections-of.ts'

const example = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../../../proto/examples/${path}`, import.meta.url), 'utf8')) as JsonObject

test('R11: each kind of event says who, what, decided how, approved by whom, run where, and what came of it', () => {
  const voted = sectionsOf('voted', example('voted/valid-approve.json'))
  assert.equal(voted.who?.actor, voted.approvals?.[0]?.approver)
  assert.equal(voted.approvals?.[0]?.vote, 'approve')
  assert.equal(voted.approvals?.[0]?.at, voted.time)
  assert.equal(voted.approvals?.[0]?.digest, voted.what?.digest)

  const allowed = sectionsOf('allowed', example('allowed/valid-after-approval.json'))
  assert.equal(allowed.who?.actor, 'policy')
  assert.equal(allowed.approvals?.length, 1)
  assert.match(allowed.what!.definitionDigest!, /^sha256:/)
  assert.match(allowed.decision!.policyRevision, /^sha256:/)
  assert.ok(allowed.decision!.rules.length > 0 && Object.keys(allowed.decision!.facts).length > 0)

  const dispatched = sectionsOf('dispatched', example('dispatched/valid-first-attempt.json'))
  assert.equal(dispatched.execution?.attempt, 1)
  assert.ok(dispatched.execution?.executor)
  assert.equal(dispatched.outcome, undefined)

  const denied = sectionsOf('denied', example('denied/valid-by-rule.json'))
  assert.equal(denied.outcome?.status, 'denied')
  assert.equal(denied.outcome?.reason?.code, 'policy')
  const succeeded = sectionsOf('succeeded', example('succeeded/valid-inline-result.json'))
  assert.equal(succeeded.outcome?.toolError, false)
  assert.match(succeeded.outcome.resultDigest!, /^sha256:/)
  assert.equal(typeof succeeded.execution?.durationMs, 'number')
})

test('a delegation chain is taken over where there is one, and an operator is who rules', () => {
  const data = { principal: 'agent', delegation: ['planner', 'ann'], method: 'tools/call', tool: 't', digest: 'd' }
  assert.deepEqual(sectionsOf('requested', { source: '/services/gateway', data }).who, {
    principal: 'agent',
    delegation: ['planner', 'ann'],
    actor: 'gateway',
  })
  const ruled = { ...data, operator: 'op', outcome: 'ran', evidence: 'the log of the tool' }
  const { who, outcome } = sectionsOf('resolved', { data: ruled })
  assert.equal(who?.actor, 'op')
  assert.deepEqual(outcome, { status: 'resolved', ruling: 'ran', evidence: 'the log of the tool' })
})

test('what an event says in another form is left out, and never thrown over', () => {
  const odd: JsonObject[] = [
    {},
    { data: null },
    { data: { principal: 7, decision: [], grant: { claims: { approvals: [1, { approver: 2 }] } }, error: 'x' } },
    {
      time: '2026-13-45T25:61:61Z',
      data: {
        ...{
          principal: 'p',
          method: 'tools/call',
          tool: 't',
          digest: 'd',
          approver: 'a',
          vote: 'approve',
          attempt: 0.5,
        },
        decision: { policyRevision: 'r', rules: [null, { policy: 7 }], facts: {} },
        grant: { claims: { approvals: [{ approver: 'a', at: 'noon', digest: 'd' }] } },
      },
    },
    { time: 'yesterday', data: { principal: 'p', delegation: [1], groups: 'g', decision: { policyRevision: 'r' } } },
  ]
  const known = AuditRecordV3.pick({
    time: true,
    who: true,
    what: true,
    decision: true,
    approvals: true,
    execution: true,
    outcome: true,
  })
  for (const event of odd) {
    for (const name of ['voted', 'allowed', 'failed', 'unheard']) known.parse(sectionsOf(name, event))
  }
  assert.deepEqual(sectionsOf('voted', odd.at(-1)!), { who: { principal: 'p', actor: '' } })
})
