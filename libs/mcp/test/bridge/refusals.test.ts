import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { oddServer, openSession, send, startBridge } from './start-bridge.ts'

test('who may not speak is refused before anything is read', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bridge-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'token'), 'secret')
  const { port } = await startBridge(t, oddServer, ['--token-file', join(dir, 'token')])
  const authorization = 'Bearer secret'
  const status = async (headers: Record<string, string>) => (await send(port, 'POST', '{', headers)).status
  assert.equal(await status({}), 401)
  assert.equal(await status({ authorization: 'Bearer secre' }), 401)
  assert.equal(await status({ authorization, host: 'evil.example' }), 403)
  assert.equal(await status({ authorization, host: '127.0.0.1.evil.example' }), 403)
  assert.equal(await status({ authorization, origin: 'https://evil.example' }), 403)
  assert.equal(await status({ authorization, origin: 'null' }), 403)
  assert.equal(
    await status({ authorization, origin: 'http://localhost:3000' }),
    400,
    'let in, but the body is not JSON',
  )
})

test('what is not a request of this revision gets a reason', async (t) => {
  const { port } = await startBridge(t, oddServer)
  const put = await send(port, 'PUT')
  assert.deepEqual([put.status, put.headers.allow], [405, 'POST, GET, DELETE'])
  const { session, post } = await openSession(port)
  const refused = async (body: string, status: number, reason: RegExp, headers: Record<string, string> = {}) => {
    const answer = await send(port, 'POST', body, { 'mcp-session-id': session, ...headers })
    assert.equal(answer.status, status, body.slice(0, 80))
    assert.match((answer.messages[0]! as unknown as { error: { message: string } }).error.message, reason)
  }
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
  await refused('{"jsonrpc":', 400, /not JSON/)
  await refused('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', 400, /twice/)
  await refused(`[${ping}]`, 400, /batches/)
  await refused('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, /"id"/)
  await refused(ping, 415, /application\/json/, { 'content-type': 'text/plain' })
  await refused(ping, 406, /accept both/, { accept: 'application/json' })
  await refused(ping, 400, /revision 2026-07-28/, { 'mcp-protocol-version': '2026-07-28' })
  await refused(ping, 404, /initialize again/, { 'mcp-session-id': 'nobody' })
  const nobody = await send(port, 'POST', ping)
  assert.equal(nobody.status, 400, 'no session')
  await refused('x'.repeat(4 * 1024 * 1024 + 1), 413, /over the limit/)
  await refused('x'.repeat(4 * 1024 * 1024 + 1), 413, /over the limit/, { 'transfer-encoding': 'chunked' })
  assert.deepEqual((await post({ id: 'p', method: 'ping' })).messages, [{ jsonrpc: '2.0', id: 'p', result: {} }])
  assert.equal((await send(port, 'DELETE', undefined, { 'mcp-session-id': session })).status, 204)
  assert.equal((await post({ id: 'p', method: 'ping' })).status, 404, 'the session has ended')
})
