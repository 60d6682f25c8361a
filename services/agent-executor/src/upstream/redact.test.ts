import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactSecrets } from './redact.ts'

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
