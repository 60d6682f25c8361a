import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { until } from '@countersign/testing'
import { Upstream } from '../../src/index.ts'

/** A tool server that takes one token and answers with whatever credentials it was ever sent. */
async function startServer(t: TestContext) {
  const state = { tokens: ['token-number-one'], calls: [] as string[], streams: [] as string[], refused: 0 }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const { id, method } = JSON.parse(text || '{}') as { id?: number; method?: string }
    const authorization = request.headers.authorization ?? ''
    if (!state.tokens.includes(authorization.replace('Bearer ', ''))) {
      state.refused += 1
      return void response.writeHead(401).end()
    }
    if (request.method === 'GET') {
      state.streams.push(authorization)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n')
    }
    if (id === undefined) return void response.writeHead(202).end()
    if (method === 'tools/call') state.calls.push(authorization)
    const result =
      method === 'initialize'
        ? {
            protocolVersion: '2025-11-25',
            capabilities: {},
            serverInfo: { name: `for ${authorization}`, version: '1' },
          }
        : { content: [{ type: 'text', text: state.calls.join() }] }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const dir = mkdtempSync(join(tmpdir(), 'credentials-'))
  const tokenFile = join(dir, 'token')
  writeFileSync(tokenFile, `${state.tokens[0]}\n`)
  const secretsFile = join(dir, 'secrets.json')
  writeFileSync(secretsFile, '[]')
  const upstream = new Upstream({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    tokenFile,
    secretsFile,
    clientInfo: { name: 'test', version: '1' },
    maxResultBytes: 100_000,
    timeoutMs: 5000,
    era: '2025-11-25',
  })
  t.after(async () => {
    await upstream.close()
    server.close()
    rmSync(dir, { recursive: true })
  })
  const call = () => upstream.callTool({ name: 'any', argumentsText: '{}', timeoutMs: 5000 })
  /** Puts a new token into the file as careful programs do: whole, or not at all. */
  const rotate = (token: string) => {
    writeFileSync(`${tokenFile}.new`, token)
    renameSync(`${tokenFile}.new`, tokenFile)
  }
  return { state, tokenFile, secretsFile, upstream, call, rotate }
}

test('I9, I6: a token that was replaced is used at once, and the old one stays redacted', async (t) => {
  const { state, upstream, call, rotate } = await startServer(t)
  assert.equal((await upstream.connect()).serverInfo.name, 'for Bearer [secret]')
  await call()
  rotate('token-number-two')
  state.tokens = ['token-number-two']
  const outcome = await call()
  assert.deepEqual(state.calls, ['Bearer token-number-one', 'Bearer token-number-two'])
  assert.equal(state.refused, 1, 'it was refused once, before the server looked at the call, and sent again')
  assert.deepEqual(outcome, {
    kind: 'result',
    result: { content: [{ type: 'text', text: 'Bearer [secret],Bearer [secret]' }] },
  })
})

test('a token that was replaced is taken up although the old one still works', async (t) => {
  const { state, call, rotate } = await startServer(t)
  await call()
  state.tokens.push('token-number-two')
  rotate('token-number-two')
  await until(
    async () => (await call()).kind === 'result' && state.calls.at(-1)!.endsWith('two'),
    'the new one is sent',
  )
  assert.equal(state.refused, 0)
})

test('a token that was written over is taken up although size and time of its file are as before', async (t) => {
  const { state, tokenFile, call } = await startServer(t)
  const time = new Date('2026-11-22T10:00:00Z')
  const write = (token: string) => {
    writeFileSync(tokenFile, token)
    utimesSync(tokenFile, time, time)
  }
  write('token-number-one')
  await call()
  write('token-number-two')
  state.tokens.push('token-number-two')
  await until(async () => {
    await call()
    return state.calls.at(-1) === 'Bearer token-number-two'
  }, 'the new token is sent')
})

test('a token that is refused is not sent again and again', async (t) => {
  const { state, call } = await startServer(t)
  await call()
  state.tokens = ['another-token-altogether']
  const outcome = await call()
  assert.deepEqual([outcome.kind, state.refused], ['refused', 1])
})

test('I9: without its token file nothing is sent to a server', async (t) => {
  const { state, tokenFile, call } = await startServer(t)
  rmSync(tokenFile)
  const outcome = await call()
  assert.ok(outcome.kind === 'not-sent')
  assert.match(outcome.message, /the token file of the server cannot be read \(ENOENT\)/)
  writeFileSync(tokenFile, ' \n')
  const empty = await call()
  assert.ok(empty.kind === 'not-sent')
  assert.match(empty.message, /is empty/)
  assert.deepEqual([state.calls.length, state.refused], [0, 0])
  writeFileSync(tokenFile, 'token-number-one')
  assert.equal((await call()).kind, 'result')
})

test('I9: a server with more secrets than can be looked for is not asked, with or without its token', async (t) => {
  const { state, secretsFile, call } = await startServer(t)
  const secrets = (count: number) => Array.from({ length: count }, (_, index) => `secret+number+${index}`)
  // Each in three forms; the token in two.
  writeFileSync(secretsFile, JSON.stringify(secrets(1364)))
  assert.deepEqual([(await call()).kind, state.calls.length], ['result', 1])
  writeFileSync(secretsFile, JSON.stringify(secrets(1365)))
  const outcome = await until(async () => {
    const { kind, ...rest } = await call()
    return kind === 'not-sent' ? rest : undefined
  }, 'the new file is looked at')
  assert.match(JSON.stringify(outcome), /the secrets of the server come to 4097 values/)
})

test('the stream of notices is opened with a token that was replaced, also where the old one still works', async (t) => {
  const { state, upstream, rotate } = await startServer(t)
  await upstream.connect()
  state.tokens.push('token-number-two')
  rotate('token-number-two')
  const { now } = performance
  t.mock.method(performance, 'now', () => now.call(performance) + 1000)
  let notices = 0
  upstream.onToolsChanged(() => notices++)
  await until(() => notices === 1, 'the stream is open')
  assert.deepEqual([state.streams, state.refused], [['Bearer token-number-two'], 0])
})

test('a stream of notices that is refused for its token is opened with the new one at once', async (t) => {
  const { state, upstream, rotate } = await startServer(t)
  await upstream.connect()
  state.tokens = ['token-number-two']
  rotate('token-number-two')
  let notices = 0
  upstream.onToolsChanged(() => notices++)
  await until(() => notices === 1, 'the stream is open')
  assert.deepEqual([state.streams, state.refused], [['Bearer token-number-two'], 1])
})

test('a stream of notices waits for a new token when there is none yet', async (t) => {
  const { state, upstream, rotate } = await startServer(t)
  await upstream.connect()
  state.tokens = ['token-number-two']
  let notices = 0
  upstream.onToolsChanged(() => notices++)
  await until(() => state.refused === 1, 'it is refused')
  rotate('token-number-two')
  await until(() => notices === 1, 'the stream is open')
  assert.deepEqual([state.streams, state.refused], [['Bearer token-number-two'], 1])
})
