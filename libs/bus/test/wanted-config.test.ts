import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consumers } from '@countersign/contracts'
import { consumerConfig } from '../src/wanted-config.ts'

test('the ack wait that a service counts on is the one its consumer has', () => {
  assert.deepEqual(
    Object.values(consumers).map((consumer) => consumerConfig(consumer).ack_wait / 1e6),
    Object.values(consumers).map(({ ackWaitMs }) => ackWaitMs),
  )
})
