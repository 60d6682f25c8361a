import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTraceparent, newTraceparent } from './trace-context.ts'

test('a new traceparent is well-formed, sampled and its own', () => {
  const made = Array.from({ length: 100 }, () => newTraceparent())
  for (const traceparent of made) {
    assert.equal(isTraceparent(traceparent), true)
    assert.match(traceparent, /-01$/)
  }
  assert.equal(new Set(made).size, made.length)
})

test('the example of the W3C recommendation is one', () => {
  assert.equal(isTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'), true)
})

test('what is not one is not taken over from a caller', () => {
  const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  const others = [
    undefined,
    7,
    '',
    `01-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01-extra`,
    `00-${trace}-${span}`,
    ` 00-${trace}-${span}-01`,
    `00-${trace}-${span}-01\r\nx: y`,
  ]
  for (const value of others) assert.equal(isTraceparent(value), false, String(value))
})
