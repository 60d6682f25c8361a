import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policies, policyText } from '../../test/fixtures.ts'
import { CelPrincipal, CelTool } from '@countersign/policies'
import { couldAllow } from './could-allow.ts'

const hints = { readOnly: true, destructive: false, idempotent: true, openWorld: false }
const viewpoint = {
  principal: new CelPrincipal({ id: 'agent', tenant: 'default', groups: ['agents'] }),
  server: 'files',
  method: 'tools/call',
}
const tool = (name: string) => new CelTool({ name, server: 'files', ...hints })
const could = (...rules: string[]) =>
  couldAllow(policies(policyText('p', rules)).policies, viewpoint)(tool('read_file'))
const rule = (effect: string, when: string) =>
  `name: r${Math.random().toString(36).slice(2)}, when: "${when}", effect: ${effect}` +
  (effect === 'hold' ? ', approval: { groups: [sre] }' : '')

test('I10: a tool is visible when a rule allows or holds it, or might', () => {
  assert.ok(could(rule('allow', 'tool.readOnly')))
  assert.ok(could(rule('hold', 'tool.readOnly')))
  assert.ok(could(rule('allow', "args.path == '/a'")))
  assert.ok(could(rule('hold', "args.path == '/a'")))
  assert.ok(!could(rule('allow', 'tool.destructive')))
  assert.ok(!could(rule('allow', "tool.destructive && args.path == '/a'")))
})

test('I10: a tool that is denied whatever the arguments are is hidden; one that may be denied is not', () => {
  assert.ok(!could(rule('allow', 'true'), rule('deny', 'tool.readOnly')))
  assert.ok(could(rule('allow', 'true'), rule('deny', "args.path == '/a'")))
})

test('I10: holds that nobody could approve hide a tool', () => {
  assert.ok(!could(rule('hold', 'true'), rule('hold', 'true').replace('sre', 'security')))
})

test('what is judged once for all tools is judged per tool where it names the tool', () => {
  const some = couldAllow(
    policies(policyText('p', [rule('allow', "args.path == '/a'"), rule('deny', "tool.name == 'two'")])).policies,
    viewpoint,
  )
  assert.deepEqual(
    ['one', 'two', 'three', 'two'].map((name) => some(tool(name))),
    [true, false, true, false],
  )
})
