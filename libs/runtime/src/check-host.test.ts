import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkHost, readHosts } from './check-host.ts'

const served = { hosts: readHosts(' Gateway.example, proxy.example:8443,,'), setting: 'COUNTERSIGN_TEST_HOSTS' }
const passes = (host: string | undefined, origin?: string, port = 7420) => {
  try {
    checkHost({ host, ...(origin === undefined ? {} : { origin }) }, port, served)
    return true
  } catch (error) {
    assert.equal((error as { code: string }).code, 'forbidden_host')
    return false
  }
}

test('R8: this machine, by the port of the connection, and the names of the setting may be addressed', () => {
  for (const host of ['localhost:7420', '127.0.0.1:7420', '[::1]:7420', 'LOCALHOST:7420', 'gateway.example']) {
    assert.ok(passes(host), host)
  }
  assert.ok(passes('GATEWAY.example'))
  assert.ok(passes('proxy.example:8443'))
  assert.ok(passes('localhost', undefined, 80))
})

test('R8: a rebound name, another port or no name at all may not', () => {
  const refused = [
    'evil.example',
    'evil.example:7420',
    'localhost.evil.example:7420',
    'localhost:7421',
    'localhost',
    '[::1]',
  ]
  refused.push(
    '[::1]:7421',
    '[::ffff:127.0.0.1]:7420',
    '[::2]:7420',
    '::1:7420',
    '127.0.0.2:7420',
    '0.0.0.0:7420',
    '2130706433:7420',
  )
  refused.push(
    'gateway.example:444',
    'gateway.example.',
    'proxy.example',
    'localhost:7420@evil.example',
    'localhost:7420, evil.example',
    '',
  )
  for (const host of refused) assert.ok(!passes(host), host)
  assert.ok(!passes(undefined))
})

test('R8: a page may only ask the host that it is from', () => {
  assert.ok(passes('localhost:7420', 'http://localhost:7420'))
  assert.ok(passes('LocalHost:7420', 'HTTP://LOCALHOST:7420'))
  assert.ok(passes('[::1]:7420', 'http://[::1]:7420'))
  assert.ok(passes('gateway.example', 'https://gateway.example'))
  assert.ok(passes('gateway.example', 'https://gateway.example:443'))
  assert.ok(passes('proxy.example:8443', 'https://proxy.example:8443'))
  assert.ok(passes('localhost', 'http://localhost', 80))
  for (const origin of [
    ...[
      'null',
      '',
      'https://evil.example',
      'http://evil.example:7420',
      'http://localhost:7421',
      'http://localhost:3000',
    ],
    ...['http://localhost', 'http://127.0.0.1:7420', 'http://localhost:7420.evil.example', 'http://localhost:7420/x'],
    ...[
      'http://x@localhost:7420',
      'http://localhost:7420, http://evil.example',
      'file://localhost:7420',
      'localhost:7420',
    ],
    ...['chrome-extension://localhost:7420', 'http://gateway.example'],
  ]) {
    assert.ok(!passes('localhost:7420', origin), origin)
  }
  assert.ok(!passes('gateway.example', 'https://gateway.example:444'))
})

test('R8: a refusal says what to do, and repeats no more than it must', () => {
  const refusal = { message: /"evil\.example" is not served here; .* COUNTERSIGN_TEST_HOSTS$/ }
  assert.throws(() => checkHost({ host: 'evil.example' }, 7420, served), refusal)
  const long = `http://${'a'.repeat(5000)}`
  assert.throws(
    () => checkHost({ host: 'localhost:7420', origin: long }, 7420, served),
    ({ message }: Error) => message.length < 300,
  )
})
