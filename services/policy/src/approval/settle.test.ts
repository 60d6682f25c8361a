import assert from 'node:assert/strict'
import { test } from 'node:test'
import { History } from '@countersign/contracts'
import { callFixture } from '@countersign/testing'
import type { PolicyContext } from '../call/context.ts'
import { settle } from './settle.ts'

test('I5: a history without the vote that is looked at is too old to settle anything, an empty one too', async () => {
  const context = { bus: { history: () => Promise.resolve(new History([])) } } as unknown as PolicyContext
  await assert.rejects(settle(context, callFixture(), 7), /older than the vote; looking again later/)
})
