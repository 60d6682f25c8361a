// The headers that others see on stored events, written down by hand: when this goes red, read docs/pins.md first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeEvent } from '@countersign/contracts'
import { requestedFixture, startTestBus } from '@countersign/testing'

test('pin: headers of a stored event', async (t) => {
  const { connect } = await startTestBus(t)
  const gateway = await connect('gateway')
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const event = makeEvent('requested', requestedFixture(), { now: new Date(), traceparent })
  const { callId, tenant, server } = event.data
  const { seq } = await gateway.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)
  const stored = await gateway.lastMessage('CALLS', seq)
  assert.equal(stored?.subject, `calls.${tenant}.${server}.${callId}.requested`)
  assert.deepEqual(
    ['Nats-Msg-Id', 'Content-Type', 'traceparent', 'Nats-Expected-Last-Subject-Sequence'].map((name) =>
      stored.header(name),
    ),
    [`${callId}.requested`, 'application/cloudevents+json', traceparent, '0'],
  )
  assert.equal(stored.header('Nats-Expected-Last-Subject-Sequence-Subject'), `calls.${tenant}.*.${callId}.>`)
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stored.data)), event)
})
