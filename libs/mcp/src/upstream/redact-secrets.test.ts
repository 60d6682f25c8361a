import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactOutcome, redactSecrets } from './redact-secrets.ts'

test('I9: a secret is taken out wherever it stands, and nothing else is touched', () => {
  const result = {
    content: [{ type: 'text', text: 'Bearer s3cret-token!' }],
    's3cret-token': [{ deep: 'xs3cret-tokenx' }],
    n: 1,
    z: null,
  }
  assert.deepEqual(redactSecrets(result, ['s3cret-token']), {
    content: [{ type: 'text', text: 'Bearer [secret]!' }],
    '[secret]': [{ deep: 'x[secret]x' }],
    n: 1,
    z: null,
  })
  assert.equal(redactSecrets(result, ['other-secret']), result)
})

test('I9: a secret that JSON has to escape is found', () => {
  for (const secret of ['pass"word\\1', 'line one\nline two', 'pässwörd\u0001']) {
    assert.deepEqual(redactSecrets({ text: `<${secret}>` }, [secret]), { text: '<[secret]>' })
  }
})

test('I9: a secret of digits is found where it is a number, or part of one', () => {
  const secrets = ['1234567890', '31415926.5']
  const result = { pin: 1234567890, list: [-12345678901, 123456789], half: 31415926.5 }
  assert.deepEqual(redactSecrets(result, secrets), {
    pin: '[secret]',
    list: ['[secret]', 123456789],
    half: '[secret]',
  })
  const error = { code: 1234567890, message: 'no', data: 1234567890 }
  assert.deepEqual(redactOutcome({ kind: 'rpc-error', status: 200, error }, secrets), {
    kind: 'rpc-error',
    status: 200,
    error: { code: -32000, message: 'no', data: '[secret]' },
  })
})

test('I9: errors are redacted as results are', () => {
  const secrets = ['s3cret-token']
  const error = { code: -1, message: 'no s3cret-token', data: { header: 's3cret-token' } }
  assert.deepEqual(redactOutcome({ kind: 'rpc-error', status: 200, error }, secrets), {
    kind: 'rpc-error',
    status: 200,
    error: { code: -1, message: 'no [secret]', data: { header: '[secret]' } },
  })
  assert.deepEqual(redactOutcome({ kind: 'garbage', message: 's3cret-token?' }, secrets), {
    kind: 'garbage',
    message: '[secret]?',
  })
  assert.deepEqual(redactOutcome({ kind: 'timeout' }, secrets), { kind: 'timeout' })
})
