import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerSecrets } from './server-secrets.ts'

test('I9: the secrets of the servers that were connected to last are kept, up to 10,000', () => {
  const secrets = new ServerSecrets()
  const [first, second] = [secrets.of('first'), secrets.of('second')]
  assert.notEqual(first, second)
  for (let index = 0; index < 9998; index++) secrets.of(`server-${index}`)
  assert.equal(secrets.of('first'), first)
  secrets.of('one-more')
  assert.equal(secrets.of('first'), first)
  assert.notEqual(secrets.of('second'), second)
})
