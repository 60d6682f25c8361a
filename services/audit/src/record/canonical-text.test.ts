import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, type Json } from '@countersign/contracts'
import { canonicalText, canonicalTextOf } from './canonical-text.ts'

const sources = [
  '{"b":1,"a":[{"d":null,"c":true},"x"],"€":"ä","A":"\\u0000\\n\\"\\\\"}',
  '{"10":1,"9":2,"b":3,"":4,"-1":5}',
  '{"__proto__":{"x":1},"a":1}',
  '{"a":1e21,"b":-0,"c":1E-7,"d":123456789012345680000,"e":0.1}',
  '{"pair":"\\ud83d\\ude00","😀":1,"\\uffff":2}',
  '[]',
  '"text"',
  '{"a":{},"b":[[],[{}]]}',
  '{"a":"writes of \\\\ud800"}',
]

test('is what canonicalJson writes, for members of every kind and order', () => {
  for (const source of sources) {
    const value = JSON.parse(source) as Json
    assert.equal(canonicalText(value, source), canonicalJson(value))
    assert.equal(canonicalTextOf(value), canonicalJson(value))
  }
})

test('refuses what has no canonical form, as canonicalJson does', () => {
  for (const source of ['{"a":1e999}', '{"a":"\\ud800"}', '{"\\udc00":1}']) {
    assert.throws(() => canonicalText(JSON.parse(source) as Json, source), TypeError)
    assert.throws(() => canonicalTextOf(JSON.parse(source) as Json), TypeError)
  }
})
