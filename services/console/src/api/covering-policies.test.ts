import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyView } from '@countersign/contracts'
import { coveringPolicies } from './covering-policies.ts'

const policy = (name: string, more: Partial<PolicyView> = {}): PolicyView => ({
  name,
  file: `${name}.yaml`,
  mode: 'enforce',
  servers: ['*'],
  tenants: ['*'],
  rules: [{ name: 'all', effect: 'allow', when: 'true' }],
  ...more,
})
const covering = (...policies: PolicyView[]) =>
  coveringPolicies({ revision: 'r', loadedAt: null, policies, problems: [] }, { tenant: 'default', name: 'files' })

test('a server is covered by what matches its name and tenant and is enforced', () => {
  assert.deepEqual(covering(policy('all'), policy('some', { servers: ['web', 'fi*'] })), ['all', 'some'])
  assert.deepEqual(covering(policy('web', { servers: ['web'] })), [])
  assert.deepEqual(covering(policy('elsewhere', { tenants: ['elsewhere'] })), [])
  assert.deepEqual(covering(policy('redacts', { rules: [] })), [])
  assert.deepEqual(covering(policy('shadow', { mode: 'shadow' })), [])
})
