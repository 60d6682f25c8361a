import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { oddServer, openSession, startBridge, textOf } from './start-bridge.ts'

test('I5: a server that dies during a call breaks the connection, and the bridge ends with 1', async (t) => {
  const bridge = await startBridge(t, oddServer)
  const { call } = await openSession(bridge.port)
  const other = call(1, 'hang')
  other.catch(() => {})
  await assert.rejects(call(2, 'die'), { code: 'ECONNRESET' })
  await assert.rejects(other, { code: 'ECONNRESET' })
  assert.deepEqual(await bridge.exit, { code: 1, signal: null })
  assert.match(bridge.log(), /exit code 3/)
})

test('a line without end ends the server, not the memory', async (t) => {
  const bridge = await startBridge(t, oddServer)
  const { call } = await openSession(bridge.port)
  await assert.rejects(call(1, 'endless'))
  assert.equal((await bridge.exit).code, 1)
  assert.match(bridge.log(), /a line of more than 16777216 bytes/)
})

test('a command that cannot be started is said, and so is a command line that cannot be used', async (t) => {
  const bridge = await startBridge(t, ['no-such-program-here'])
  assert.equal((await bridge.exit).code, 1)
  assert.match(bridge.log(), /could not be started: .*ENOENT/)
  await assert.rejects(startBridge(t, [], []), /ended with 2: .*the command is missing/)
  await assert.rejects(
    startBridge(t, oddServer, ['--environment-file', '/nowhere']),
    /ended with 2: .*environment file/,
  )
})

test('SIGTERM, or the end of standard input, stops bridge and server; a server that will not is killed', async (t) => {
  const [plain, stubborn, piped] = await Promise.all([
    startBridge(t, oddServer),
    startBridge(t, [...oddServer, '--ignore-sigterm']),
    startBridge(t, oddServer, ['--stop-on-stdin-close']),
  ])
  const hanging = [plain, stubborn, piped].map(async ({ port }) => {
    const { call } = await openSession(port)
    return { call: assert.rejects(call(1, 'hang')) }
  })
  const calls = await Promise.all(hanging)
  plain.process.kill('SIGTERM')
  stubborn.process.kill('SIGTERM')
  piped.process.stdin!.end()
  for (const { exit } of [plain, stubborn, piped]) assert.deepEqual(await exit, { code: 0, signal: null })
  await Promise.all(calls.map(({ call }) => call))
})

test('I5: a server that is to end answers what it has in hand before', async (t) => {
  const bridge = await startBridge(t, oddServer)
  const { call } = await openSession(bridge.port)
  const answer = call(1, 'hang-for-a-while')
  // The server has the call: it answers in order.
  assert.equal(textOf(await call(2, 'announce')), 'announced')
  bridge.process.kill('SIGTERM')
  assert.equal(textOf(await answer), 'late')
  assert.deepEqual(await bridge.exit, { code: 0, signal: null })
})

test('I9: a server gets no environment but its own', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bridge-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'env.json'), '{"API_KEY":"k"}')
  process.env.COUNTERSIGN_TEST_SECRET = 'leak'
  t.after(() => delete process.env.COUNTERSIGN_TEST_SECRET)
  const { port } = await startBridge(t, oddServer, ['--environment-file', join(dir, 'env.json'), '--cwd', dir])
  const { call } = await openSession(port)
  const environment = JSON.parse(textOf(await call(1, 'environment'))) as Record<string, string>
  assert.equal(environment.API_KEY, 'k')
  assert.equal(environment.PATH, process.env.PATH)
  assert.equal(environment.COUNTERSIGN_TEST_SECRET, undefined)
})
