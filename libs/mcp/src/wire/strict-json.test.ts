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
    '[9007199254740992,-9007199254740994,100000000000000000000,1e20,1e22,6.02214076e23,-1.5e300,-0]',
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
    ['{"a":9007199254740993}', /9007199254740993 cannot be held exactly/],
    ['-9007199254740993', /cannot be held exactly/],
    // A double holds it, and writes 1152921504606847000.
    ['1152921504606846976', /cannot be held exactly/],
    ['1.2345678901234567890e19', /cannot be held exactly/],
    [`[${'9'.repeat(100_000)}]`, /9{40} cannot be held exactly/],
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

test('what was refused in JSON is told with what was read and where it stands, and of no JSON nothing is', () => {
  const refused = (text: string) => {
    try {
      parseStrictJson(text)
    } catch (error) {
      return (error as StrictJsonError).read
    }
    return assert.fail('it was taken')
  }
  const text = '{"id":7,"x":{"y":1},"params":[{"arguments":{"a":1,"b":[2,9007199254740993]}}]}'
  assert.deepEqual(refused(text), { value: JSON.parse(text), path: ['params', 'arguments', 'b'] })
  assert.deepEqual(refused('{"id":1,"id":2}')?.path, ['id'])
  assert.deepEqual(refused('{"a":{"b":1},"c":"\\ud800"}')?.path, ['c'])
  assert.equal(refused('{"id":7,'), undefined)
})
