import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateways } from './start-gateways.ts'

test('R34, I10: a modern call whose headers contradict its arguments is refused, and nothing is stored', async (t) => {
  const { urls, events, asked, ask, post } = await startGateways(t, 1, 2000)
  const url = urls[0]!
  const call = (name: string, args: object, headers: Record<string, string> = {}) =>
    ask(url, 'ann', { method: 'tools/call', params: { name, arguments: args } }, headers)

  const { body } = await ask(url, 'ann', { method: 'tools/list' })
  const mirror = body.result!.tools.find(({ name }: { name: string }) => name === 'files_mirror')
  assert.equal(mirror.inputSchema.properties.city['x-mcp-header'], 'City', 'clients see what they must send')

  const odd: Record<string, string>[] = [
    {},
    { 'Mcp-Param-City': 'Bonn' },
    { 'Mcp-Param-City': 'hello' },
    { 'Mcp-Param-City': '=?base64?SGVsbG8?=' },
    { 'Mcp-Param-City': '=?base64?SGVs!!!bG8=?=' },
  ]
  for (const headers of odd) {
    const refused = await call('files_mirror', { city: 'Hello' }, headers)
    assert.deepEqual(
      [refused.status, refused.body.error?.code, refused.body.error?.data.code],
      [400, -32020, 'header_mismatch'],
      JSON.stringify(headers),
    )
    assert.match(refused.body.error!.message, /Mcp-Param-City.*nothing was stored/)
  }
  assert.equal((await call('files_mirror', {}, { 'Mcp-Param-City': 'Bonn' })).status, 400)
  assert.deepEqual(await events(), [])

  // Taken, and waiting for a decision; a hidden tool's headers say nothing about it, and a legacy caller has none.
  const taken = [
    call('files_mirror', { city: 'Hello' }, { 'mcp-param-city': 'Hello' }),
    call('files_mirror', { city: 'Köln' }, { 'Mcp-Param-City': '=?base64?S8O2bG4=?=' }),
    call('files_mirror', { city: null, q: 'x' }, { 'Mcp-Param-Other': 'y' }),
    call('files_hidden', { city: 'Hello' }),
    post(url, 'ann', { id: 1, method: 'tools/call', params: { name: 'files_mirror', arguments: { city: 'Hello' } } }),
  ]
  await asked(taken.length)
  assert.deepEqual(
    (await Promise.all(taken)).map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
})
