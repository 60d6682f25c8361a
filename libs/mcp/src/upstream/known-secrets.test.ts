import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@countersign/contracts'
import { KnownSecrets } from './known-secrets.ts'
import { redactSecrets } from './redact-secrets.ts'

const redacted = (text: string, ...secrets: string[]) => {
  const known = new KnownSecrets()
  known.take(secrets)
  return redactSecrets({ text }, known.list).text
}

test('I9: a secret is known in the forms in which tools write it', () => {
  const secret = 'pass"word/ä'
  for (const form of [
    secret,
    JSON.stringify(secret),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
  ]) {
    assert.ok(['<[secret]>', '<"[secret]">'].includes(String(redacted(`<${form}>`, secret))), form)
  }
})

test('I9: a secret of many digits is known as the number that JSON makes of it', () => {
  const known = new KnownSecrets()
  known.take(['12345678901234567890', '0000987654321', '00000001', '9'.repeat(400)])
  const result = JSON.parse('{"long":12345678901234567890,"short":987654321,"one":1}') as JsonObject
  assert.deepEqual(redactSecrets(result, known.list), { long: '[secret]', short: '[secret]', one: 1 })
  assert.ok(!known.list.includes('Infinity'), 'which is a word as well')
})

test('I9: a line of a long secret is one too, and the longest secret is taken out first', () => {
  const key = `-----BEGIN KEY-----\n${'k'.repeat(64)}\nx\n-----END KEY-----`
  assert.equal(redacted(`<${'k'.repeat(64)}>`, key), '<[secret]>')
  assert.equal(redacted(key, key), '[secret]')
  const account = '{\n  "private_key": "abc"\n}'
  assert.equal(redacted(JSON.stringify({ line: '  "private_key": "abc"' }), account), '{"line":"[secret]"}')
  assert.equal(redacted('secret-12 secret-123', 'secret-12', 'secret-123'), '[secret] [secret]')
})

test('what is too short to be told from other text is left alone', () => {
  assert.equal(redacted('a short word', 'short'), 'a short word')
})

test('I9: of very many secrets only those of earlier versions are forgotten, the oldest first', () => {
  const known = new KnownSecrets()
  const version = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}-secret-${index}`)
  known.take(version('first', 100))
  for (let index = 0; index < 50; index++) {
    const current = [...version('current', 100), ...version(`update-${index}`, 50)]
    known.take(current)
    const list = new Set(known.list)
    assert.deepEqual([list.size <= 4096, current.filter((secret) => !list.has(secret))], [true, []])
  }
  assert.ok(known.list.includes('update-48-secret-0'))
  assert.ok(!known.list.includes('first-secret-0'))
})

test('I9: secrets that are too many to be looked for are refused, and what was known stays known', () => {
  const known = new KnownSecrets()
  known.take(['secret-of-before'])
  const key = Array.from({ length: 4096 }, (_, index) => `line ${index} of a long key`).join('\n')
  assert.throws(() => known.take([key]), {
    message: /^the secrets of the server come to 4100 values .* over 4096; .* give it fewer or shorter ones$/,
  })
  assert.ok(known.list.includes('secret-of-before'))
})
