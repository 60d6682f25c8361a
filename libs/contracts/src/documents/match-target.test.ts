import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchTarget } from './match-target.ts'

test('names match whole, and * stands for any characters', () => {
  const matches = matchTarget(['kubernetes*', 'files', 'a.c'])
  for (const name of ['kubernetes', 'kubernetes-prod', 'files']) assert.ok(matches(name), name)
  for (const name of ['my-kubernetes', 'files2', 'abc']) assert.ok(!matches(name), name)
  assert.ok(matchTarget(undefined)('anything'))
})
