import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActivityLog } from '@countersign/bus'
import { defaultSignInBounds, SignIns } from './sign-ins.ts'

type Told = { name: string; data: Record<string, unknown> }

/** Sign-ins on a clock, and what they record. */
function recorded(bounds: Partial<typeof defaultSignInBounds> = {}) {
  const told: Told[] = []
  const store = async ({ subject, data }: { subject: string; data: Uint8Array }) => {
    told.push({ name: subject, data: JSON.parse(new TextDecoder().decode(data)).data })
    return { seq: told.length, duplicate: false }
  }
  const clock = { ms: Date.parse('2026-11-22T10:00:00Z') }
  const activities = new ActivityLog({ store }, () => {})
  const signIns = new SignIns(activities, 'platform', { ...defaultSignInBounds, ...bounds }, () => clock.ms)
  const done = () => {
    signIns.stop()
    return activities.close()
  }
  return { told, clock, signIns, done }
}

const ann = { id: 'ann', tenant: 'acme', groups: ['operators'] }

test('R23: a person is recorded with the first request from an address in a while, and not with each', async () => {
  const { told, clock, signIns, done } = recorded()
  for (let request = 0; request < 100; request++) signIns.admitted(ann, '10.0.0.7')
  signIns.admitted(ann, '10.0.0.8')
  signIns.admitted({ ...ann, tenant: 'other' }, '10.0.0.7')
  clock.ms += defaultSignInBounds.againAfterMs
  signIns.admitted(ann, '10.0.0.7')
  await done()
  assert.deepEqual(
    told.map(({ name, data }) => [name, data['by'], data['address']]),
    [
      ['activity.acme.signed_in', 'ann', '10.0.0.7'],
      ['activity.acme.signed_in', 'ann', '10.0.0.8'],
      ['activity.other.signed_in', 'ann', '10.0.0.7'],
      ['activity.acme.signed_in', 'ann', '10.0.0.7'],
    ],
  )
})

test('R23: however many tokens are refused, and from wherever, the log gets one event a window, with their number', async () => {
  const { told, signIns, done } = recorded()
  for (let attempt = 0; attempt < 10_000; attempt++) signIns.refused(`10.0.${attempt % 250}.1`)
  await done()
  assert.deepEqual(
    told.map(({ name, data }) => [name, data['count'], (data['addresses'] as unknown[]).length]),
    [
      ['activity.platform.sign_in_refused', 1, 1],
      ['activity.platform.sign_in_refused', 9999, 20],
    ],
  )
})

test('R23: who comes from ever new addresses does not flood the log either', async () => {
  const { told, clock, signIns, done } = recorded({ maxPerMinute: 5 })
  for (let attempt = 0; attempt < 1000; attempt++) signIns.admitted(ann, `2001:db8::${attempt}`)
  assert.equal(told.length <= 5, true)
  clock.ms += 60_000
  signIns.admitted(ann, '2001:db8::999')
  await done()
  assert.equal(told.length, 6)
})
