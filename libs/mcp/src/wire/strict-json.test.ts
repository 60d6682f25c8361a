import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStrictJson, StrictJsonError } from './strict-json.ts'

test('I3: ordinary JSON is read as JSON.parse reads it', () => {
  for (const text of [
    '{}',
    ' [ ] ',
    'null',
    'true',
    '"a\\"b\\\\"',
    '{"a":[1,-2.5e3,0.1,{"b":null}],"c":"\\u00e9\\ud83d\\ude00","":false}',
    '[[],[[]],{"x":{}}]',
    '9007199254740991',
    '{"__proto__":{"a":1}}',
  ]) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text), text)
  }
})

test('I3: what two parsers could read differently is refused with the reason', () => {
  for (const [text, reason] of [
    ['{"a":1,"a":2}', /"a" appears twice/],
    ['{"a":1,"\\u0061":2}', /"a" appears twice/],
    ['[{"x":{"k":1,"k":1}}]', /"k" appears twice/],
    ['12345678901234567890', /cannot be held exactly/],
    ['{"n":1e400}', /cannot be held exactly/],
    ['"\\ud800"', /surrogate/],
    ['{"\\udc00":1}', /surrogate/],
    ['['.repeat(65) + ']'.repeat(65), /nested more than 64/],
    ['{"a":', /not JSON/],
    ['', /not JSON/],
    ['\u001b[2J\u202e', /not JSON: [^\p{Cc}\p{Cf}]+$/u],
  ] as const) {
    assert.throws(
      () => parseStrictJson(text),
      (error: Error) => error instanceof StrictJsonError && reason.test(error.message),
      text,
    )
  }
})
