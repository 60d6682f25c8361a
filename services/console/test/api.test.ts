import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { digestOf, errorRow, newCallId } from '@countersign/contracts'
import { routes } from '../src/api/create-app.ts'
import { type Answer, startConsole } from './console-fixture.ts'

function assertError({ status, body }: Pick<Answer, 'status' | 'body'>, code: string): void {
  assert.equal(body.error?.code, code, JSON.stringify(body))
  assert.equal(status, errorRow(code).httpStatus)
  assert.equal(body.error.retryable, errorRow(code).retryable)
  assert.ok(body.error.message.length > 10)
  assert.deepEqual(
    Object.keys(body)
      .concat(Object.keys(body.error))
      .filter((key) => !['error', 'code', 'message', 'retryable', 'details'].includes(key)),
    [],
  )
}

test('every route but the description and the signpost for browsers wants a good token', async (t) => {
  const { get, ask, url } = await startConsole(t)
  for (const { method, path } of routes) {
    const answer = await ask(undefined, path.replaceAll(/:\w+/g, 'x'), { method })
    assertError(answer, 'unauthenticated')
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
  }
  assertError(await get(undefined, '/nothing'), 'unauthenticated')
  assertError(await get('late', '/approvals'), 'unauthenticated')
  assertError(await get(undefined, '/approvals', { authorization: 'Bearer wrong' }), 'unauthenticated')
  assert.equal((await fetch(`${url}/api/v1/openapi.json`)).status, 200)
  const signpost = await fetch(url)
  assert.deepEqual([signpost.status, signpost.headers.get('content-type')], [200, 'text/plain; charset=utf-8'])
  assert.match(await signpost.text(), /no web page yet[^]*npx countersign help[^]*openapi\.json[^]*\/mcp/)
  assert.equal((await get('agent', '/approvals')).status, 200)
})

test('what is not understood gets a clear error of the table and the same body everywhere', async (t) => {
  const { get, post, ask, url } = await startConsole(t)
  const votes = '/approvals/0199a0b0-0000-7000-8000-000000000000/votes'
  const json = { 'content-type': 'application/json' }
  const digest = `sha256:${'0'.repeat(64)}`
  assertError(await get('operator', '/nothing'), 'not_found')
  assertError(await get('operator', '/approvals/not-an-id'), 'invalid_params')
  assertError(await get('operator', '/calls?limit=0'), 'invalid_params')
  assertError(await get('operator', '/calls?state=nonsense'), 'invalid_params')
  assertError(await get('operator', '/calls?colour=red'), 'invalid_params')
  assertError(await get('operator', '/calls?server=a&server=b'), 'invalid_params')
  assertError(await get('operator', '/calls?cursor=abc'), 'invalid_params')
  assertError(await get('operator', '/calls/events', { 'last-event-id': 'x' }), 'invalid_params')
  assertError(await post('approver', votes, { decision: 'approve', digest, force: true }), 'invalid_params')
  assertError(await post('approver', votes, { decision: 'perhaps', digest }), 'invalid_params')
  assertError(await post('approver', votes, []), 'invalid_params')
  assertError(await ask('approver', votes, { method: 'POST', headers: json, body: '{"decision":' }), 'parse_error')
  assertError(await ask('approver', votes, { method: 'POST', headers: json, body: '' }), 'parse_error')
  assertError(
    await ask('approver', votes, { method: 'POST', headers: json, body: '{"__proto__":{"a":1}}' }),
    'parse_error',
  )
  assertError(
    await ask('approver', votes, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' }),
    'unsupported_media_type',
  )
  assertError(await ask('approver', votes, { method: 'POST' }), 'invalid_params')
  // In words, whoever wrote the schema.
  const words = async (answer: Promise<Answer>) => (await answer).body.error.message
  assert.deepEqual(
    await Promise.all([
      words(get('operator', '/calls?limit=many&colour=red')),
      words(get('operator', '/calls?limt=5')),
      words(get('operator', '/calls?since=soon')),
      words(post('approver', votes, { decision: 7, digest })),
      words(post('approver', votes, { decision: 'aprove', digest })),
      words(post('approver', votes, { digest })),
      words(post('approver', votes, [])),
    ]),
    [
      'the query does not fit: `limit` must be a number, not "many"; unknown key `colour`; what may stand here: state, server, tool, principal, agent, rule, approver, text, since, until, limit, cursor',
      'the query does not fit: unknown key `limt`, did you mean `limit`?',
      'the query does not fit: `since` must be an instant like 2026-01-31T12:00:00Z, not "soon"',
      'the body does not fit: `decision` must be `approve` or `reject`, not 7',
      'the body does not fit: `decision` must be `approve` or `reject`, not "aprove"; did you mean `approve`?',
      'the body does not fit: `decision` is missing: it must be `approve` or `reject`',
      'the body does not fit: it must be a mapping of keys to values, not a list',
    ],
  )
  assertError(
    await post('approver', votes, { decision: 'approve', digest, comment: 'x'.repeat(64 * 1024) }),
    'body_too_large',
  )
  const problems = (await post('approver', votes, { decision: 'approve', digest: 'x' })).body.error.details.problems
  assert.deepEqual(
    problems.map(({ path }: { path: string }) => path),
    ['digest'],
  )
  assertError(await get('operator', '/calls/%ff'), 'invalid_request')
  const raw = await new Promise<string>((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'))
    let text = ''
    socket.on('data', (chunk) => (text += chunk)).on('close', () => resolve(text))
  })
  assertError({ status: Number(raw.split(' ')[1]), body: JSON.parse(raw.split('\r\n\r\n')[1]!) }, 'invalid_request')
})

test('R12, R36: a path answers methods it is not served with by 405 and `Allow`, and HEAD like GET without the body', async (t) => {
  const { ask, get, url, tokens } = await startConsole(t)
  const json = { 'content-type': 'application/json' }
  const paths = Map.groupBy(routes, ({ path }) => path)
  for (const [path, served] of paths) {
    const at = path.replaceAll(/:\w+/g, 'x%2Fy')
    const allow = served.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']) {
      if (allow.includes(method)) continue
      const bodies = method === 'GET' || method === 'HEAD' ? [{}] : [{}, { body: '{', headers: json }, { body: 'x' }]
      for (const body of bodies) {
        const answer = await ask('operator', `${at}?x=y`, { method, ...body })
        assert.equal(answer.status, 405, `${method} ${at}`)
        assert.deepEqual(answer.headers.get('allow')?.split(', ').toSorted(), allow.toSorted(), `${method} ${at}`)
        if (method !== 'HEAD') assertError(answer, 'method_not_allowed')
      }
    }
  }
  assertError(await ask('operator', '/nothing', { method: 'QUERY' }), 'not_found')
  assertError(await ask('operator', '/approvals/', { method: 'DELETE' }), 'not_found')
  assertError(await ask(undefined, '/approvals', { method: 'DELETE' }), 'unauthenticated')
  for (const path of ['/status', '/openapi.json', '/calls?limit=1', '/calls?limit=0']) {
    const [head, full] = [await ask('operator', path, { method: 'HEAD' }), await get('operator', path)]
    assert.equal(head.status, full.status)
    assert.equal(head.headers.get('content-type'), full.headers.get('content-type'))
    assert.equal(head.body, undefined)
  }
  const feed = await ask('operator', '/calls/events', { method: 'HEAD' })
  assert.deepEqual([feed.status, feed.headers.get('content-type')], [200, 'text/event-stream'])
  // TRACE is for no client library; the server answers it all the same.
  const status = await new Promise<number>((resolve, reject) => {
    const { port } = new URL(url)
    const headers = { authorization: `Bearer ${tokens.operator}` }
    request({ port, path: '/api/v1/status', method: 'TRACE', headers }, (response) =>
      resolve(response.resume().statusCode!),
    )
      .on('error', reject)
      .end()
  })
  assert.equal(status, 405)
})

test('only served hosts and pages of the same host are answered (DNS rebinding)', async (t) => {
  const { url, tokens } = await startConsole(t, { hosts: ['console.example'] })
  const { port } = new URL(url)
  const statusFor = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const authorization = `Bearer ${tokens.operator}`
      request({ port, path: '/api/v1/approvals', headers: { authorization, ...headers } }, (response) =>
        resolve(response.resume().statusCode!),
      )
        .on('error', reject)
        .end()
    })
  assert.equal(await statusFor({ host: `localhost:${port}` }), 200)
  assert.equal(await statusFor({ host: `[::1]:${port}` }), 200)
  assert.equal(await statusFor({ host: 'console.example' }), 200)
  assert.equal(await statusFor({ host: 'evil.example' }), 403)
  assert.equal(await statusFor({ host: `evil.example:${port}` }), 403)
  assert.equal(await statusFor({ host: 'localhost:1' }), 403)
  assert.equal(await statusFor({ host: `localhost:${port}`, origin: `http://localhost:${port}` }), 200)
  assert.equal(await statusFor({ host: `localhost:${port}`, origin: 'http://evil.example' }), 403)
  assert.equal(await statusFor({ host: `localhost:${port}`, origin: 'null' }), 403)
  const { status } = await fetch(`${url}/api/v1/openapi.json`, { headers: { origin: 'http://evil.example' } })
  assert.equal(status, 403, 'the description is for the same hosts')
})

test('a service that does not answer is an error that says so', async (t) => {
  const { get, auditBus, policy } = await startConsole(t)
  await auditBus.close()
  assertError(await get('operator', '/audit/status'), 'service_unavailable')
  const status = await get('operator', '/status')
  assert.equal(status.body.ok, false)
  assert.deepEqual(
    status.body.services.map(({ name, answers }: { name: string; answers: boolean }) => [name, answers]),
    [
      ['policy', true],
      ['lifecycle', true],
      ['audit', false],
    ],
  )
  policy.hold({ arguments: { inline: { path: '/other' } } })
  assertError(await get('operator', '/approvals?all=true'), 'internal')
})

test('R12: the OpenAPI document has every route, with its parameters, bodies and answers described', async (t) => {
  const { get } = await startConsole(t)
  const { body: document } = await get(undefined, '/openapi.json')
  assert.equal(document.openapi, '3.1.0')
  for (const route of routes) {
    const path = `/api/v1${route.path.replaceAll(/:(\w+)/g, '{$1}')}`
    const operation = document.paths[path]?.[route.method.toLowerCase()]
    assert.ok(operation, `${route.method} ${path}`)
    assert.ok(operation.summary && operation.operationId && operation.tags.length === 1)
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const parameters = operation.parameters ?? []
    assert.deepEqual(
      parameters.filter((each: { in: string }) => each.in === 'path').map(({ name }: { name: string }) => name),
      named,
    )
    assert.equal(operation.requestBody !== undefined, route.body !== undefined)
    const [content] = Object.values<{ schema: object }>(operation.responses['200'].content)
    assert.ok(Object.keys(content!.schema).length > 0)
    for (const status of ['400', '401', '403', '503'])
      assert.ok(operation.responses[status], `${path} answers ${status}`)
    // The store may be silent whatever is asked.
    assert.match(operation.responses['503'].description, /`service_unavailable`.*`store_unavailable`/s)
  }
  const feed = document.paths['/api/v1/calls/events'].get.responses['200'].content['text/event-stream'].schema
  assert.equal(feed.type, 'string', 'a stream of events is no JSON object')
  assert.ok(feed['x-event-data'].properties.callId)
  for (const [path, name] of [
    ['/calls', 'cursor'],
    ['/audit/records', 'cursor'],
    ['/audit/consistency', 'from'],
  ]) {
    const { parameters } = document.paths[`/api/v1${path}`].get
    assert.match(parameters.find((each: { name: string }) => each.name === name).description, /refused: 400/)
  }
  const [hold] = document.paths['/api/v1/audit/holds/{id}/lifting'].post.parameters
  assert.equal(hold.schema.type, 'integer')
  const inDocument = Object.values<object>(document.paths).flatMap((each) => Object.keys(each)).length
  assert.equal(inDocument, routes.length + 1, 'and nothing else')
  assert.equal(JSON.stringify(document).includes('$schema'), false)
})

test('what is refused says what to do next in words that fit every client: no message names a path of this API', async (t) => {
  const { get, post } = await startConsole(t)
  const callId = newCallId(Date.now())
  const digest = digestOf({})
  const answers = await Promise.all([
    get('operator', `/calls/${callId}`),
    get('operator', '/servers/nowhere'),
    get('approver', `/approvals/${callId}`),
    post('approver', `/approvals/${callId}/votes`, { decision: 'approve', digest }),
    get('agent', '/servers'),
    get('agent', '/approvals?all=true'),
    get('operator', '/calls?cursor=x'),
  ])
  for (const { status, body } of answers) {
    assert.ok(status >= 400)
    assert.match(body.error.message, /[,;:] .+/, 'what, and then why or what next')
    assert.doesNotMatch(body.error.message, /\/api\/|GET |POST /)
  }
})
