import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '@countersign/testing'
import { callTool, legacyClient, modernClient, rawPost } from './clients.ts'
import { startOddToolServer, unusable } from './odd-tool-server.ts'
import { type Stack, startStack } from './stack.ts'

describe('bad input gets a clear error and loses nothing', { timeout: 120_000 }, () => {
  let stack: Stack
  const cleanups: (() => Promise<void> | void)[] = []
  before(async () => {
    stack = await startStack({ after: (fn) => cleanups.push(fn) })
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })
  const post = (body: unknown, headers?: Record<string, string>) =>
    rawPost(`${stack.info.gateway}/mcp`, stack.info.tokens.agent, body, headers)
  const request = (method: string, params?: object) => ({
    jsonrpc: '2.0',
    id: 7,
    method,
    ...(params ? { params } : {}),
  })

  test('R15: malformed JSON and malformed JSON-RPC', async () => {
    for (const [body, code] of [
      ['{"jsonrpc":', -32700],
      ['{"jsonrpc":"2.0","id":1,"method":"ping","id":2}', -32600],
      ['[]', -32600],
      ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
      ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
    ] as const) {
      const answer = await post(body)
      assert.deepEqual([answer.status, answer.body.error.code], [400, code], body)
      assert.ok(answer.body.error.message.length > 10)
    }
    const unversioned = await post('{"id":1,"method":"ping"}')
    assert.deepEqual([unversioned.status, unversioned.body.id, unversioned.body.error.code], [200, 1, -32600])
    const unknown = await post(request('no/such'))
    assert.deepEqual([unknown.body.id, unknown.body.error.code], [7, -32601])
  })

  test('R8: tokens: none, wrong, no bearer; a person who is no agent', async () => {
    const url = `${stack.info.gateway}/mcp`
    for (const token of [undefined, 'wrong']) {
      const answer = await rawPost(url, token, request('tools/list'))
      assert.equal(answer.status, 401)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
      assert.equal(answer.body.error.data.code, 'unauthenticated')
    }
    const approver = await rawPost(url, stack.info.tokens.approver, request('tools/list'))
    assert.deepEqual([approver.status, approver.body.error.data.code], [403, 'forbidden'])
  })

  test('R8: Host and Origin of a web page are refused', async () => {
    const origin = await post(request('ping'), { origin: 'https://evil.example' })
    assert.deepEqual([origin.status, origin.body.error.data.code], [403, 'forbidden_host'])
    const neighbour = await post(request('ping'), { origin: 'http://localhost:3000' })
    assert.deepEqual([neighbour.status, neighbour.body.error.data.code], [403, 'forbidden_host'])
    const own = await post(request('ping'), { origin: new URL(stack.info.gateway).origin })
    assert.equal(own.status, 200)
  })

  test('R8: a body over the limit, another media type, another method', async () => {
    const large = await post(
      JSON.stringify(request('tools/call', { name: 'everything_echo', arguments: { message: 'x'.repeat(5_000_000) } })),
    )
    assert.deepEqual([large.status, large.body.error.data.code], [413, 'body_too_large'])
    assert.equal((await post('hello', { 'content-type': 'text/plain' })).status, 415)
    assert.equal((await fetch(`${stack.info.gateway}/mcp`)).status, 405)
    assert.equal((await fetch(`${stack.info.gateway}/nothing`)).status, 404)
  })

  test('R15: arguments that do not match the schema are refused before policy, and recorded', async () => {
    const result = await callTool(`${stack.info.gateway}/mcp`, stack.info.tokens.agent, 'everything_get-sum', {
      a: 'one',
      b: 2,
    })
    assert.equal(result.structuredContent.code, 'invalid_arguments')
    assert.match(result.content[0].text, /\ba\b/)
    const { body } = await stack.api(`/calls/${result.structuredContent.callId}`)
    assert.deepEqual(
      body.events.map(({ event }: { event: string }) => event),
      ['requested', 'denied'],
    )
  })

  test('I3: numbers that parsers disagree on are refused', async () => {
    const { body } = await post(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"everything_get-sum","arguments":{"a":12345678901234567890,"b":1}}}',
    )
    assert.deepEqual([body.id, body.result.isError, body.result.structuredContent.code], [1, true, 'invalid_arguments'])
    assert.match(body.result.content[0].text, /as a string/)
  })

  test('R42: the official clients read why a call of a tool with an output schema was refused, and go on', async () => {
    const [url, { agent }] = [`${stack.info.gateway}/mcp`, stack.info.tokens]
    const name = 'everything_get-structured-content'
    const nested = JSON.parse('['.repeat(70) + ']'.repeat(70))
    for (const client of [
      await legacyClient(url, agent),
      await modernClient(url, agent, '2025-11-25'),
      await modernClient(url, agent, '2026-07-28'),
    ] as { listTools(): Promise<any>; callTool(params: object): Promise<any>; close(): Promise<void> }[]) {
      // Once it has the list, a client judges what a tool gives by its schema.
      const { tools } = await client.listTools()
      assert.ok(tools.find((tool: { name: string }) => tool.name === name).outputSchema)
      const refused = await client.callTool({ name, arguments: { location: nested } })
      assert.deepEqual([refused.isError, refused.structuredContent.code], [true, 'invalid_arguments'])
      assert.match(refused.content[0].text, /nested more than 64 deep/)
      const done = await client.callTool({ name, arguments: { location: 'New York' } })
      assert.equal(typeof done.structuredContent.temperature, 'number', JSON.stringify(done))
      await client.close()
    }
  })

  test('large arguments travel by reference and come back whole', async () => {
    const message = 'y'.repeat(1_000_000)
    const result = await callTool(`${stack.info.gateway}/mcp`, stack.info.tokens.agent, 'everything_echo', { message })
    assert.ok(result.content[0].text.includes(message))
  })

  test('R15: unknown approvals, calls and routes of the HTTP API', async () => {
    const nobody = '01890000-0000-7000-8000-000000000000'
    assert.equal((await stack.api(`/approvals/${nobody}`, 'approver')).status, 404)
    const vote = await stack.api(`/approvals/${nobody}/votes`, 'approver', {
      decision: 'approve',
      digest: `sha256:${'0'.repeat(64)}`,
    })
    assert.deepEqual([vote.status, vote.body.error.code], [404, 'unknown_approval'])
    assert.equal((await stack.api(`/calls/${nobody}`)).status, 404)
    assert.equal((await stack.api('/nothing')).status, 404)
    const malformed = await stack.api(`/approvals/${nobody}/votes`, 'approver', { decision: 'maybe', digest: 'x' })
    assert.equal(malformed.status, 400)
  })

  test('I7, R5: a policy with a typo is refused with file and line; the last good set stays in force', async () => {
    const before = (await stack.api('/policies')).body.revision
    const file = join(stack.state.layout.policies, 'typo.yaml')
    writeFileSync(
      file,
      `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: typo }
spec:
  rules:
    - name: all
      when: "true"
      efect: allow
`,
    )
    const problems = await until(async () => {
      const { body } = await stack.api('/policies')
      return body.problems.length > 0 ? body.problems : undefined
    }, 'the typo is told')
    assert.match(problems[0].file, /typo\.yaml$/)
    assert.ok(
      problems.some(({ line, message }: any) => line >= 6 && line <= 8 && /efect|effect/.test(message)),
      JSON.stringify(problems),
    )
    assert.equal((await stack.api('/policies')).body.revision, before)
    const echo = await callTool(`${stack.info.gateway}/mcp`, stack.info.tokens.agent, 'everything_echo', {
      message: 'still',
    })
    assert.match(echo.content[0].text, /still/)
    writeFileSync(
      file,
      'apiVersion: countersign.dev/v1alpha1\nkind: ToolPolicy\nmetadata: { name: typo }\nspec:\n  rules:\n    - { name: no-echo, when: "tool.name == \'echo\'", effect: deny, reason: Quiet please. }\n',
    )
    await until(async () => {
      const { body } = await post(request('tools/call', { name: 'everything_echo', arguments: { message: 'x' } }))
      return body.error?.data.code === 'unknown_tool'
    }, 'the mended policy is in force')
  })

  test('R44, R45: a tool server that answers oddly spoils no list and no client, and operators see what it does', async (t) => {
    const url = await startOddToolServer(t)
    const documents = join(stack.state.layout.servers, 'odd.yaml')
    const policies = join(stack.state.layout.policies, 'odd.yaml')
    t.after(() => [documents, policies].forEach((file) => rmSync(file)))
    writeFileSync(
      policies,
      'apiVersion: countersign.dev/v1alpha1\nkind: ToolPolicy\nmetadata: { name: odd }\nspec:\n  match: { servers: [odd] }\n  rules:\n    - { name: all, when: "true", effect: allow }\n',
    )
    writeFileSync(
      documents,
      `apiVersion: mcp.x-k8s.io/v1beta1\nkind: MCPServer\nmetadata: { name: odd }\nspec:\n  source: { type: Url, url: { url: '${url}' } }\n`,
    )
    const good = ['odd_deep', 'odd_empty', 'odd_nothing', 'odd_numbers']
    const endpoint = `${stack.info.gateway}/mcp`
    const clients = await Promise.all([
      legacyClient(endpoint, stack.info.tokens.agent),
      modernClient(endpoint, stack.info.tokens.agent, '2025-11-25'),
      modernClient(endpoint, stack.info.tokens.agent, '2026-07-28'),
    ])
    t.after(() => Promise.all(clients.map((client) => client.close())))
    for (const client of clients) {
      await until(async () => {
        const { tools } = await client.listTools()
        const odd = tools.map(({ name }) => name).filter((name) => name.startsWith('odd_'))
        if (odd.length > 0) assert.deepEqual(odd, good)
        return odd.length > 0
      }, 'the tools that can be used are listed')
    }
    const { body } = await stack.api('/servers/odd')
    for (const { name } of unusable) {
      const { state, problem } = body.tools.find((tool: { name: string }) => tool.name === name)
      assert.deepEqual([state, typeof problem], ['quarantined', 'string'], name)
    }
    assert.match(body.leftOut, /array \(inputSchema: its type must be "object"\).* more$/)

    const call = (name: string) => callTool(endpoint, stack.info.tokens.agent, `odd_${name}`, {})
    const { structuredContent, _meta } = await call('numbers')
    assert.deepEqual(structuredContent, { id: 9007199254740992 })
    assert.deepEqual(_meta['countersign.dev/exact-numbers'], { '/structuredContent/id': '9007199254740993' })
    for (const [name, code] of [
      ['nothing', 'result_invalid'],
      ['empty', 'result_invalid'],
      ['deep', 'result_too_large'],
    ] as const) {
      const result = await call(name)
      assert.deepEqual([result.structuredContent.status, result.structuredContent.code], ['failed', code], name)
      assert.match(result.content[0].text, /^The tool ran, /)
    }
  })
})
