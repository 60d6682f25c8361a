import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOrigin } from './check-origin.ts'

const none = new Set<string>()

test('loopback names and those of the list may be addressed; a rebound name and a foreign page may not', () => {
  checkOrigin({ host: 'localhost:7420' }, none)
  checkOrigin({ host: '127.0.0.1:7420', origin: 'http://localhost:3000' }, none)
  checkOrigin({ host: '[::1]:7420' }, none)
  checkOrigin({ host: 'gateway.example' }, new Set(['gateway.example']))
  for (const headers of [
    {},
    { host: 'evil.example:7420' },
    { host: 'localhost.evil.example' },
    { host: 'localhost', origin: 'https://evil.example' },
    { host: 'localhost', origin: 'null' },
    { host: 'gateway.example:444' },
  ]) {
    assert.throws(
      () => checkOrigin(headers, new Set(['gateway.example'])),
      { code: 'forbidden_host' },
      JSON.stringify(headers),
    )
  }
})
