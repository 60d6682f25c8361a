import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memberSpan, replaceSpan } from './json-span.ts'

test('a member is found as JSON.parse finds it, whatever the text looks like', () => {
  const values = ['1', '-1.5e3', 'true', 'null', '""', '"a\\"}b\\\\"', '[]', '[{"x":"]"},[1]]', '{}', '{"x":{"y":"}"}}']
  for (const value of values) {
    for (const text of [
      `{"a":${value}}`,
      `{ "b" : [1,{"a":0}] ,\n"a"\t: ${value} , "c":"{\\"a\\":3}"}`,
      `{"\\u0061":${value}}`,
    ]) {
      const span = memberSpan(text, 'a')
      assert.ok(span, text)
      assert.equal(text.slice(span.start, span.end), value)
      assert.deepEqual(JSON.parse(text).a, JSON.parse(value))
    }
  }
  assert.equal(memberSpan('{"b":{"a":1}}', 'a'), undefined)
  assert.equal(memberSpan('[1]', 'a'), undefined)
  const twice = '{"a":1,"a":2}'
  assert.equal(replaceSpan(twice, memberSpan(twice, 'a')!, '3'), '{"a":1,"a":3}')
})
