import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Upstream } from '@countersign/mcp'
import { scriptedTool, startModernServer, startScriptedServer } from '@countersign/testing'

const annotated = (name: string) => ({ type: 'object', properties: { p: { type: 'string', 'x-mcp-header': name } } })

function connectTo(t: TestContext, url: string): Upstream {
  const clientInfo = { name: 'test', version: '1' }
  const upstream = new Upstream({ url, clientInfo, maxResultBytes: 100_000, timeoutMs: 10_000 })
  t.after(() => upstream.close())
  return upstream
}

test('R34: a modern tool with a header that is not allowed is left out, and the others are not', async (t) => {
  const answer = () => ({ content: [] })
  // The SDK warns of the tool on the console.
  t.mock.method(console, 'warn', () => {})
  const { url } = await startModernServer(t, [
    { name: 'good', inputSchema: annotated('P'), answer },
    { name: 'bad', inputSchema: annotated('two words'), answer },
  ])
  const { tools, invalid } = await connectTo(t, url).listTools()
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['good'],
  )
  assert.deepEqual(tools[0]!.inputSchema, annotated('P'))
  assert.deepEqual(
    invalid.map(({ name }) => name),
    ['bad'],
  )
  assert.match(invalid[0]!.reason, /x-mcp-header at p: it must be a name/)
})

test('R34: a legacy server is sent no such headers, and its tools stay', async (t) => {
  const inputSchema = annotated('P')
  const tools = [
    { ...scriptedTool('echo-headers'), inputSchema },
    { ...scriptedTool('echo'), inputSchema: annotated('a b') },
  ]
  const { url } = await startScriptedServer(t, tools)
  const upstream = connectTo(t, url)
  assert.equal((await upstream.listTools()).tools.length, 2)
  const call = { name: 'echo-headers', argumentsText: '{"p":"x"}', inputSchema, timeoutMs: 10_000 }
  const outcome = await upstream.callTool(call)
  assert.equal(outcome.kind, 'result')
  assert.doesNotMatch(JSON.stringify(outcome), /mcp-param/)
})
