import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { until } from '@countersign/testing'
import { oddServer, startBridge } from './start-bridge.ts'

type After = { after: (fn: () => unknown) => void }

async function connect(t: After, url: URL, token?: string) {
  const client = new Client({ name: 'test', version: '1' })
  const requestInit = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  t.after(() => client.close())
  return client
}

test('the published filesystem server is served to two clients of the official SDK at once', async (t) => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'bridge-')))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'token'), 'secret-1\n')
  const bridge = await startBridge(t, ['mcp-server-filesystem', dir], ['--token-file', join(dir, 'token')])
  const [one, two] = await Promise.all([connect(t, bridge.url, 'secret-1'), connect(t, bridge.url, 'secret-1')])
  assert.match(one.getServerVersion()!.name, /filesystem/)
  const { tools } = await one.listTools()
  assert.ok(tools.some(({ name }) => name === 'write_file'))
  // Both clients number their requests alike; each must get its own answers.
  const files = Array.from({ length: 10 }, (_, index) => join(dir, `file-${index}`))
  await Promise.all(
    files.map((path, index) =>
      (index % 2 ? one : two).callTool({ name: 'write_file', arguments: { path, content: path } }),
    ),
  )
  const read = await Promise.all(
    files.map((path, index) => (index % 2 ? two : one).callTool({ name: 'read_text_file', arguments: { path } })),
  )
  assert.deepEqual(
    read.map((result) => CallToolResultSchema.parse(result).content[0]),
    files.map((text) => ({ type: 'text', text })),
  )
  assert.equal(readFileSync(files[3]!, 'utf8'), files[3])
  await assert.rejects(connect(t, bridge.url, 'secret-2'))
})

test('progress reaches the client that asked, changes reach everyone, a withdrawn call is withdrawn from the server', async (t) => {
  const { url } = await startBridge(t, oddServer)
  const [one, two] = await Promise.all([connect(t, url), connect(t, url)])
  const progress: [string, number][] = []
  const run = (client: Client, name: string) =>
    client.callTool({ name: 'progress', arguments: {} }, undefined, {
      onprogress: (each) => progress.push([name, each.progress]),
    })
  await Promise.all([run(one, 'one'), run(two, 'two')])
  assert.deepEqual(new Set(progress.map(String)), new Set(['one,1', 'one,2', 'two,1', 'two,2']))
  const told: string[] = []
  one.setNotificationHandler(ToolListChangedNotificationSchema, () => void told.push('one'))
  two.setNotificationHandler(ToolListChangedNotificationSchema, () => void told.push('two'))
  await until(async () => {
    await one.callTool({ name: 'announce', arguments: {} })
    return told.includes('one') && told.includes('two')
  }, 'both clients hear of the change')

  const abort = new AbortController()
  const hanging = one.callTool({ name: 'hang', arguments: {} }, undefined, { signal: abort.signal })
  const state = async () => {
    const { content } = CallToolResultSchema.parse(await two.callTool({ name: 'cancelled', arguments: {} }))
    return JSON.parse((content[0] as { text: string }).text) as { cancelled: object[]; hanging: number }
  }
  await until(async () => (await state()).hanging === 1, 'the call is with the server')
  abort.abort('enough')
  await assert.rejects(hanging)
  await until(async () => (await state()).hanging === 0, 'the server heard of it')
})
