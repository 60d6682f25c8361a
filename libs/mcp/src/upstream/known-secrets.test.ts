import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@countersign/contracts'
import { KnownSecrets } from './known-secrets.ts'
import { redactSecrets } from './redact-secrets.ts'

const redacted = (text: string, ...secrets: string[]) => {
  const known = new KnownSecrets()
  for (const secret of secrets) known.add(secret)
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
  for (const secret of ['12345678901234567890', '0000987654321', '00000001', '9'.repeat(400)]) known.add(secret)
  const result = JSON.parse('{"long":12345678901234567890,"short":987654321,"one":1}') as JsonObject
  assert.deepEqual(redactSecrets(result, known.list), { long: '[secret]', short: '[secret]', one: 1 })
  assert.ok(!known.list.includes('Infinity'), 'which is a word as well')
})

test('I9: a line of a long secret is one too, and the longest secret is taken out first', () => {
  const key = `-----BEGIN KEY-----\n${'k'.repeat(64)}\nx\n-----END KEY-----`
  assert.equal(redacted(`<${'k'.repeat(64)}>`, key), '<[secret]>')
  assert.equal(redacted(key, key), '[secret]')
  assert.equal(redacted('secret-12 secret-123', 'secret-12', 'secret-123'), '[secret] [secret]')
})

test('what is too short to be told from other text is left alone, and the oldest of very many is forgotten', () => {
  assert.equal(redacted('a short word', 'short'), 'a short word')
  const known = new KnownSecrets()
  for (let index = 0; index < 5000; index++) known.add(`secret-number-${index}`)
  assert.ok(known.list.length <= 4096 && known.list.includes('secret-number-4999'))
})
