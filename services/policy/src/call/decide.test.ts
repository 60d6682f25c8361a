import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsFixture, pinnedTool, policies, policyText, toolDefinition } from '../../test/fixtures.ts'
import type { Facts } from '../rules/facts.ts'
import { decide } from './decide.ts'

const allowAll = policies(policyText('all', ['name: everything, when: "true", effect: allow']))
const codeOf = (facts: Facts) => {
  const verdict = decide(facts)
  return verdict.effect === 'deny' ? verdict.code : verdict.effect
}
const pinned = pinnedTool('files', toolDefinition('read_file'))

test('I7: no policy, no audit: nothing is allowed', () => {
  assert.equal(codeOf(factsFixture(allowAll)), 'allow')
  assert.equal(codeOf(factsFixture(undefined)), 'no_policy')
  assert.equal(
    codeOf(factsFixture(allowAll, {}, { audit: { state: 'behind', reason: 'it is behind' } })),
    'audit_behind',
  )
  assert.equal(
    codeOf(factsFixture(allowAll, {}, { audit: { state: 'unknown', reason: 'nobody knows' } })),
    'audit_behind',
  )
})

test('a call past its deadline is refused', () => {
  const facts = factsFixture(allowAll)
  assert.equal(codeOf({ ...facts, now: new Date(facts.call.deadline) }), 'deadline_exceeded')
})

test('I10, I13: unknown, absent, never pinned and quarantined tools cannot be called', () => {
  const { pinned: _, ...neverPinned } = pinned
  assert.equal(codeOf(factsFixture(allowAll, {}, { tool: undefined })), 'unknown_tool')
  assert.equal(codeOf(factsFixture(allowAll, {}, { tool: { ...pinned, state: 'absent' } })), 'unknown_tool')
  assert.equal(codeOf(factsFixture(allowAll, {}, { tool: { ...neverPinned, state: 'quarantined' } })), 'unknown_tool')
  assert.equal(codeOf(factsFixture(allowAll, {}, { tool: { ...pinned, state: 'quarantined' } })), 'quarantined')
})

test('I10, I13: that a tool is quarantined is told to whoever could see it, whatever the arguments, and to nobody else', () => {
  const tool = { ...pinned, state: 'quarantined' as const }
  const of = (...rules: string[]) => codeOf(factsFixture(policies(policyText('some', rules)), { op: 'drop' }, { tool }))
  assert.equal(of('name: reads, when: "args.op == \'read\'", effect: allow'), 'quarantined')
  assert.equal(of('name: all, when: "true", effect: hold, approval: { groups: [sre] }'), 'quarantined')
  assert.equal(of('name: none, when: "true", effect: deny', 'name: all, when: "true", effect: allow'), 'policy')
  assert.equal(of('name: others, when: "principal.id == \'nobody\'", effect: allow'), 'policy')
})

test('another method than tools/call is not taken for one', () => {
  const facts = factsFixture(allowAll)
  assert.equal(codeOf({ ...facts, call: { ...facts.call, method: 'resources/read' } }), 'unknown_tool')
})

test('arguments are judged before policy', () => {
  const strict = toolDefinition('read_file', { inputSchema: { type: 'object', required: ['path'] } })
  const denyAll = policies(policyText('none', ['name: nothing, when: "true", effect: deny']))
  assert.equal(codeOf(factsFixture(denyAll, {}, { tool: pinnedTool('files', strict) })), 'invalid_arguments')
  assert.equal(codeOf(factsFixture(denyAll, { path: 'x' }, { tool: pinnedTool('files', strict) })), 'policy')
  assert.equal(codeOf(factsFixture(allowAll, {}, { arguments: { problem: 'gone' } })), 'invalid_arguments')
})

const rules = [
  'name: reads, when: "args.op == \'read\'", effect: allow',
  "name: writes, when: \"args.op in ['write', 'drop']\", effect: hold, reason: writes need people, approval: { groups: [sre] }",
  'name: also, when: "args.op == \'write\'", effect: allow',
  'name: drops, when: "args.op == \'drop\'", effect: deny, reason: Never.',
]
const set = policies(policyText('ops', rules))

test('deny beats hold beats allow, and nothing matching is a deny', () => {
  assert.equal(codeOf(factsFixture(set, { op: 'read' })), 'allow')
  assert.equal(codeOf(factsFixture(set, { op: 'write' })), 'hold')
  assert.equal(codeOf(factsFixture(set, { op: 'drop' })), 'policy')
  assert.equal(codeOf(factsFixture(set, { op: 'other' })), 'policy')
  assert.equal(codeOf(factsFixture(set)), 'policy')
})

test('a denial names the rule and what to do next; what no rule allows says so', () => {
  const denied = decide(factsFixture(set, { op: 'drop' }))
  assert.ok(denied.effect === 'deny')
  assert.equal(
    denied.message,
    'rule "drops" of policy "ops" denies this call: Never; ask for something it does not deny',
  )
  const unmatched = decide(factsFixture(set, { op: 'other' }))
  assert.ok(unmatched.effect === 'deny')
  assert.match(unmatched.message, /no rule of the policies in force allows "read_file" on "files"/)
})

test('the decision records revision, every rule that matched and the facts, without the arguments', () => {
  const verdict = decide(factsFixture(set, { op: 'write' }))
  assert.ok(verdict.effect === 'hold')
  assert.equal(verdict.reason, 'writes need people')
  assert.deepEqual(verdict.decision, {
    policyRevision: set.revision,
    rules: [
      { policy: 'ops', rule: 'writes', effect: 'hold', reason: 'writes need people' },
      { policy: 'ops', rule: 'also', effect: 'allow' },
    ],
    facts: {
      server: 'files',
      method: 'tools/call',
      principal: { id: 'agent', tenant: 'default', groups: ['agents'] },
      tool: {
        name: 'read_file',
        readOnly: false,
        destructive: true,
        idempotent: false,
        openWorld: true,
        definitionDigest: pinned.pinned!.digest,
      },
    },
  })
})

test('I7: a condition that fails denies where it would deny or hold, and allows nothing', () => {
  const failing = "args.path.startsWith('/x')"
  const allow = 'name: everything, when: "true", effect: allow'
  for (const rule of [
    `name: bad, when: "${failing}", effect: deny`,
    `name: bad, when: "${failing}", effect: hold, approval: { groups: [sre] }`,
  ]) {
    const verdict = decide(factsFixture(policies(policyText('p', [allow, rule]))))
    assert.ok(verdict.effect === 'deny')
    assert.match(verdict.message, /rule "bad" of policy "p" could not be judged/)
    const recorded = verdict.decision!.rules.find((match) => match.rule === 'bad')
    assert.match(recorded!.error!, /startsWith/)
  }
  const failedAllow = decide(factsFixture(policies(policyText('p', [`name: bad, when: "${failing}", effect: allow`]))))
  assert.ok(failedAllow.effect === 'deny')
  assert.match(failedAllow.message, /could not be judged/)
  assert.deepEqual(failedAllow.decision!.rules, [])
})

test('documents in shadow are recorded and do not count', () => {
  const shadow = policyText(
    'trial',
    ['name: no, when: "true", effect: deny', 'name: bad, when: "args.n > 1", effect: deny'],
    { mode: 'shadow' },
  )
  const verdict = decide(factsFixture(policies(shadow, policyText('all', ['name: yes, when: "true", effect: allow']))))
  assert.ok(verdict.effect === 'allow')
  assert.deepEqual(
    verdict.decision.rules.map(({ rule, shadow: isShadow }) => [rule, isShadow ?? false]),
    [
      ['yes', false],
      ['no', true],
      ['bad', true],
    ],
  )
  assert.equal(codeOf(factsFixture(policies(shadow.replace(/effect: deny/g, 'effect: allow')))), 'policy')
})

test('documents count for the servers and tenants they name', () => {
  const other = policyText('other', ['name: no, when: "true", effect: deny'], { match: { servers: ['kube*'] } })
  const foreign = policyText('foreign', ['name: no, when: "true", effect: deny'], { match: { tenants: ['acme'] } })
  assert.equal(
    codeOf(factsFixture(policies(policyText('all', ['name: yes, when: "true", effect: allow']), other, foreign))),
    'allow',
  )
})

test('holds that no one person could satisfy are a denial', () => {
  const hold = (name: string, group: string) =>
    `name: ${name}, when: "true", effect: hold, approval: { groups: [${group}] }`
  const verdict = decide(factsFixture(policies(policyText('p', [hold('a', 'sre'), hold('b', 'security')]))))
  assert.ok(verdict.effect === 'deny')
  assert.match(verdict.message, /rule "a" of policy "p" and rule "b" of policy "p" .*no group in common/)
})

test('I6: idempotence comes from the pinned definition', () => {
  const binding = (readOnlyHint: boolean) => {
    const verdict = decide(
      factsFixture(
        allowAll,
        {},
        { tool: pinnedTool('files', toolDefinition('read_file', { annotations: { readOnlyHint } })) },
      ),
    )
    return verdict.effect === 'allow' && verdict.binding.idempotent
  }
  assert.equal(binding(true), true)
  assert.equal(binding(false), false)
})
