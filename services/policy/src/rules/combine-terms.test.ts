import assert from 'node:assert/strict'
import { test } from 'node:test'
import { combineTerms } from './combine-terms.ts'

const now = new Date('2026-01-01T00:00:00.000Z')
const spec = { groups: ['sre', 'leads'], quorum: 1, notRequester: false, expiresAfter: '15m' }

test('several holds ask for what satisfies every one of them', () => {
  assert.deepEqual(
    combineTerms([spec, { groups: ['leads', 'security'], quorum: 2, notRequester: true, expiresAfter: '1h' }], now),
    { groups: ['leads'], quorum: 2, notRequester: true, expiresAt: '2026-01-01T00:15:00.000Z' },
  )
})

test('holds without a group in common cannot be combined', () => {
  assert.equal(combineTerms([spec, { ...spec, groups: ['security'] }], now), undefined)
})
