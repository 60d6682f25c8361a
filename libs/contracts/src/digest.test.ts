import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, digestOf, sha256, sortedKeys } from './digest.ts'
import type { Json } from './json.ts'

const double = (hex: string) => Buffer.from(hex, 'hex').readDoubleBE()

test('I3: the sample of RFC 8785 section 3.2.2 has the form the RFC gives', () => {
  const sample = String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`
  assert.equal(
    canonicalJson(JSON.parse(sample) as Json),
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  )
})

test('I3: members are sorted by UTF-16 code units (RFC 8785 section 3.2.3)', () => {
  const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6']
  const text = canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))
  assert.deepEqual(Object.keys(JSON.parse(text) as object), [
    '1',
    '\r',
    '\u0080',
    '\u00f6',
    '\u20ac',
    '\ud83d\ude00',
    '\ufb33',
  ])
  // What JSON.parse reorders (a key like an index) shows in the text alone.
  assert.match(text, /^\{"\\r":0,"1":0,/)
})

test('I3: members are sorted however many there are', () => {
  for (const count of [0, 1, 2, 31, 32, 33, 200]) {
    // In an order of its own: multiples of a prime that divides no count.
    const names = Array.from({ length: count }, (_, place) => `name-${(place * 7919) % count}`)
    assert.deepEqual(sortedKeys(Object.fromEntries(names.map((name) => [name, 0]))), names.toSorted())
  }
})

test('I3: numbers are written as RFC 8785 appendix B lists them', () => {
  const listed = {
    '0000000000000000': '0',
    '8000000000000000': '0',
    '0000000000000001': '5e-324',
    '8000000000000001': '-5e-324',
    '7fefffffffffffff': '1.7976931348623157e+308',
    ffefffffffffffff: '-1.7976931348623157e+308',
    '4340000000000000': '9007199254740992',
    c340000000000000: '-9007199254740992',
    '4430000000000000': '295147905179352830000',
    '44b52d02c7e14af5': '9.999999999999997e+22',
    '44b52d02c7e14af6': '1e+23',
    '44b52d02c7e14af7': '1.0000000000000001e+23',
    '444b1ae4d6e2ef4e': '999999999999999700000',
    '444b1ae4d6e2ef4f': '999999999999999900000',
    '444b1ae4d6e2ef50': '1e+21',
    '3eb0c6f7a0b5ed8c': '9.999999999999997e-7',
    '3eb0c6f7a0b5ed8d': '0.000001',
    '41b3de4355555553': '333333333.3333332',
    '41b3de4355555554': '333333333.33333325',
    '41b3de4355555555': '333333333.3333333',
    '41b3de4355555556': '333333333.3333334',
    '41b3de4355555557': '333333333.33333343',
    becbf647612f3696: '-0.0000033333333333333333',
    '43143ff3c1cb0959': '1424953923781206.2',
  }
  for (const [hex, text] of Object.entries(listed)) assert.equal(canonicalJson(double(hex)), text, hex)
  for (const hex of ['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000']) {
    assert.throws(() => canonicalJson(double(hex)), { name: 'TypeError', message: /not finite/ }, hex)
  }
})

test('I3: what I-JSON cannot hold is refused, not guessed', () => {
  assert.throws(() => canonicalJson('\ud83d'), /lone surrogate/)
  assert.throws(() => canonicalJson({ '\udead': 1 }), /lone surrogate/)
  assert.throws(() => canonicalJson([undefined as unknown as Json]), /a undefined has no JSON form/)
  assert.throws(() => canonicalJson({ f: (() => 1) as unknown as Json }), /a function has no JSON form/)
  assert.equal(canonicalJson({ left: 1, out: undefined as unknown as Json }), '{"left":1}')
})

test('I3: a member named __proto__ counts like any other', () => {
  const parsed = JSON.parse('{"__proto__":{"admin":true},"a":1}') as Json
  assert.equal(canonicalJson(parsed), '{"__proto__":{"admin":true},"a":1}')
  assert.notEqual(digestOf(parsed), digestOf({ a: 1 }))
})

test('I3: equal content has one digest, however it was written', () => {
  const one = JSON.parse('{"b": [1.0, "\\u0041"], "a": {"y": null, "x": 1e2}}') as Json
  const other = JSON.parse('{"a":{"x":100,"y":null},"b":[1,"A"]}') as Json
  assert.equal(digestOf(one), digestOf(other))
  assert.notEqual(digestOf({ a: 1 }), digestOf({ a: '1' }))
})

test('digests are SHA-256 with its name in front', () => {
  // FIPS 180-4, the example "abc".
  assert.equal(sha256('abc'), 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(sha256(new TextEncoder().encode('abc')), sha256('abc'))
  assert.equal(digestOf({}), sha256('{}'))
})
