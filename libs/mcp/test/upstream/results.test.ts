import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Json, type JsonObject, toolResultProblem } from '@countersign/contracts'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { type Behaviour, callRaw, json, resulting } from './raw-server.ts'

const exact = 'countersign.dev/exact-numbers'

test('R45: integers that a double cannot hold come as they were, beside what is left of them', async (t) => {
  const { call } = await callRaw(t)
  const result = (text: string) =>
    call(json(resulting(text))).then((outcome) => {
      assert.equal(outcome.kind, 'result', JSON.stringify(outcome))
      return (outcome as { result: JsonObject }).result
    })
  const numbers =
    '"max":9223372036854775807,"min":-9223372036854775808,"safe":9007199254740991,"pi":3.14159265358979323846'
  const text = `{"content":[],"structuredContent":{${numbers},"a/b~":[1,{"":9007199254740993}]},"_meta":{"theirs":1}}`
  assert.deepEqual((await result(text))._meta, {
    theirs: 1,
    [exact]: {
      '/structuredContent/max': '9223372036854775807',
      '/structuredContent/min': '-9223372036854775808',
      '/structuredContent/a~1b~0/1/': '9007199254740993',
    },
  })
  const digits = '{"content":[{"type":"text","text":"9223372036854775807"}],"structuredContent":{"n":9007199254740992}}'
  assert.deepEqual(await result(digits), JSON.parse(digits), 'where nothing changes nothing is added')
  const stream = await call(({ id }, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`data: ${resulting('{"content":[],"n":9007199254740993}')(id)}\n\n`)
  })
  assert.deepEqual((stream as { result: JsonObject }).result._meta, { [exact]: { '/n': '9007199254740993' } })
})

test('R45: of very many such integers, or long ones, some are told and the others counted', async (t) => {
  const { call } = await callRaw(t)
  const meta = async (list: string[]) => {
    const outcome = await call(json(resulting(`{"content":[],"list":[${list.join()}]}`)))
    return (outcome as { result: JsonObject }).result._meta as Record<string, Json>
  }
  const many = await meta(Array.from({ length: 103 }, () => '9007199254740993'))
  assert.deepEqual([Object.keys(many[exact]!).length, many[`${exact}-left-out`]], [100, 3])
  const far = `{"${'x'.repeat(66_000)}":9007199254740993}`
  const long = await meta(['9007199254740993', far, '1'.repeat(300)])
  assert.deepEqual(long, {
    [exact]: { '/list/0': '9007199254740993' },
    [`${exact}-left-out`]: 2,
  })
})

test('R9, R45: a result that is nested deeper than clients can read is dropped and told, not passed on', async (t) => {
  const { call } = await callRaw(t)
  const nested = (depth: number) => json(resulting(`{"content":[],"x":${'['.repeat(depth)}${']'.repeat(depth)}}`))
  assert.equal((await call(nested(127))).kind, 'result')
  assert.deepEqual(await call(nested(128)), { kind: 'too-large', size: 'nested over 128 deep' })
  assert.deepEqual(await call(nested(40_000)), { kind: 'too-large', size: 'nested over 128 deep' })
})

/** An event stream of these lines, as they stand. */
const streaming =
  (lines: (id: number) => string[], end = true): Behaviour =>
  ({ id }, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const line of lines(id)) response.write(line)
    if (end) response.end()
  }

test('R45: an answer that is no result says that the tool ran; what is none of the call proves nothing', async (t) => {
  const { call } = await callRaw(t)
  for (const result of ['null', '5', '"done"', '[]', 'true']) {
    const invalid = { kind: 'invalid-result', message: '"result" must be an object' }
    assert.deepEqual(await call(json(resulting(result))), invalid)
    assert.deepEqual(await call(streaming((id) => [`data: ${resulting(result)(id)}\n\n`])), invalid)
  }
  for (const text of ['{"jsonrpc":"2.0","id":77,"result":null}', '{"jsonrpc":"2.0","id":77,"result":{}}', '{}', 'null'])
    assert.equal((await call(json(() => text))).kind, 'garbage', text)
  // A code that no event may carry would make the call unreadable for good.
  for (const error of [
    '"x"',
    '{"code":1e300,"message":"x"}',
    '{"code":9007199254740993,"message":"x"}',
    '{"code":1.5}',
  ])
    assert.equal((await call(json((id) => `{"jsonrpc":"2.0","id":${id},"error":${error}}`))).kind, 'garbage', error)
})

test('R45: what passes for the result of a tool, the official SDK reads', () => {
  const good: JsonObject = {
    content: [
      { type: 'text', text: 'x' },
      { type: 'image', data: 'AA==', mimeType: 'image/png' },
      { type: 'audio', data: 'AA==', mimeType: 'audio/wav' },
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///a', text: 'x' } },
      { type: 'resource', resource: { uri: 'file:///a', blob: 'AA==' } },
    ],
    structuredContent: { a: 1 },
    isError: false,
    _meta: {},
  }
  assert.equal(toolResultProblem(good), undefined)
  const content = good.content as JsonObject[]
  const spoilt = content.flatMap((block, index) =>
    Object.keys(block).flatMap((key) =>
      [undefined, null, 5, 'odd', {}].map((odd) => {
        const copy = structuredClone(content)
        if (odd === undefined) delete copy[index]![key]
        else copy[index]![key] = odd
        return { ...good, content: copy }
      }),
    ),
  )
  const results: JsonObject[] = [...spoilt, { foo: 1 }, { structuredContent: {} }, { content: 'x' }, { content: [5] }]
  for (const odd of [null, 5, 'yes', []]) results.push({ ...good, isError: odd }, { ...good, _meta: odd })
  let refused = 0
  for (const result of results) {
    if (toolResultProblem(result) !== undefined) refused += 1
    // It takes base64 apart, which others leave to whoever uses the data.
    else if (!JSON.stringify(result).includes('"data":"odd"') && !JSON.stringify(result).includes('"blob":"odd"'))
      CallToolResultSchema.parse(result)
  }
  assert.ok(refused > 50, String(refused))
  assert.match(toolResultProblem({ foo: 1 })!, /^content: /)
})

test('R9, R45: what is too long is a result only when it begins as one', async (t) => {
  const { call } = await callRaw(t)
  const long = 'x'.repeat(120_000)
  const tooLarge = { kind: 'too-large', size: 'over 100000 bytes' }
  const result = (id: number) => resulting(`{"content":[{"type":"text","text":"${long}"}]}`)(id)
  const last = (id: number) => `{"result":{"x":"${long}"},"jsonrpc":"2.0","id":${id}}`
  for (const text of [result, last]) {
    assert.deepEqual(await call(json(text)), tooLarge)
    assert.deepEqual(await call(streaming((id) => [`data: ${text(id)}\n\n`])), tooLarge)
    assert.deepEqual(await call(streaming((id) => [`data: ${text(id)}`], false)), tooLarge, 'not all of it came')
  }
  const garbage = [
    json(() => `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"${long}"}}`),
    json(() => long),
    streaming(() => [`data: ${long}`], false),
    streaming(() => [`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${long}`], false),
    streaming(() => [`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${long}"}}\n\n`]),
  ]
  for (const [index, behaviour] of garbage.entries())
    assert.equal((await call(behaviour)).kind, 'garbage', String(index))
  // A page of errors, however long, is what its status says.
  assert.equal((await call(json(() => long, 502))).kind, 'died')
  assert.equal((await call(json(() => long, 403))).kind, 'refused')
})

test('R9: progress that clients could not read is dropped', async (t) => {
  const { call } = await callRaw(t)
  const told: JsonObject[] = []
  const progress = (params: string) => (id: number) =>
    `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${id},${params}}}\n\n`
  const odd = ['"progress":"x"', '"total":5', '"progress":null', '"progress":1,"total":"x","message":5,"_meta":7']
  const good = '"progress":2,"total":3,"message":"almost"'
  await call(
    streaming((id) => [
      ...[...odd, good].map((params) => progress(params)(id)),
      `data: ${resulting('{"content":[]}')(id)}\n\n`,
    ]),
    { onProgress: (params) => void told.push(params) },
  )
  assert.deepEqual(told, [{ progress: 1 }, { progress: 2, total: 3, message: 'almost' }])
})

test('R9, I9: a redirect is not followed, and is told with where it leads', async (t) => {
  const { call, url, state } = await callRaw(t)
  const to = (location: string, status = 307) => call(json(() => '', status, { location }))
  const message =
    `the server redirects to ${url}/ (HTTP 307), which is not followed; ` +
    'if that is where it is, write that url into its document'
  assert.deepEqual(await to('/mcp/'), { kind: 'refused', status: 307, message })
  assert.match(
    JSON.stringify(await to('https://user:pass@other.example/mcp?key=4711#x', 308)),
    /to https:\/\/other\.example\/mcp \(/,
  )
  assert.match(JSON.stringify(await to('http://[', 301)), /does not say where to/)
  assert.equal((await to('/mcp/', 303)).kind, 'garbage', 'who says 303 may have done it')
  assert.equal(state.calls.length, 4)
})

test('R9: a server that takes no more requests says so, and when to ask again', async (t) => {
  const { call } = await callRaw(t)
  const message = 'the server refused with HTTP 429, and says to wait 7 s'
  const behaviour = json(() => 'slow down', 429, { 'retry-after': '7' })
  assert.deepEqual(await call(behaviour), { kind: 'refused', status: 429, message })
  // Cut after an even number of code units it ends with half a character.
  const words = `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"x${'😀'.repeat(5000)}"}}`
  const refused = (await call(json(() => words, 429))) as { message: string }
  assert.match(refused.message, /^the server refused with HTTP 429: x😀/)
  assert.ok(refused.message.length < 1100 && refused.message.isWellFormed())
})

test('I6: a call is sent again only when its session is refused by what cannot have looked at it', async (t) => {
  const { call, state } = await callRaw(t, { sessions: true })
  const error = (id: string, code: number, message = 'Session not found') =>
    `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":"${message}"}}`
  /** How often a call is sent whose first answer is this one. */
  const times = async (first: (id: number) => string, status: number) => {
    const before = state.calls.length
    const good = json(resulting('{"content":[]}'))
    await call((request, response) =>
      (state.calls.length === before + 1 ? json(first, status) : good)(request, response, 0),
    )
    return state.calls.length - before
  }
  // The TypeScript SDK, its examples, and the Python SDK, newer and elder.
  assert.equal(await times(() => error('null', -32001), 404), 2)
  assert.equal(await times(() => error('null', -32000, 'Bad Request: No valid session ID provided'), 400), 2)
  assert.equal(await times(() => error('null', -32600, 'Not Found: Invalid or expired session ID'), 404), 2)
  assert.equal(await times(() => error('"server-error"', -32600, 'Bad Request: No valid session ID provided'), 400), 2)
  // Those that say it in HTTP alone, and those that answer under the id.
  assert.equal(await times(() => 'session not found', 404), 2)
  assert.equal(await times((id) => error(String(id), -32001), 404), 2)
  const sent = new Set(state.calls.map(({ headers }) => headers['mcp-session-id']))
  assert.equal(sent.size, 7, 'each time in a session of its own')
  // What a tool may have said.
  for (const status of [200, 400, 403, 500]) {
    for (const code of [-32000, -32001, -32600, -32603])
      assert.equal(await times((id) => error(String(id), code, 'the session expired'), status), 1, `${status} ${code}`)
  }
  assert.equal(await times((id) => error(String(id), -32602, 'no session 4711'), 404), 1)
  assert.equal(await times(() => error('null', -32603, 'the session expired'), 400), 1)
  assert.equal(await times(() => 'no such session', 400), 1)
})

test('calls that learn at once that their session was lost go on in one new session', async (t) => {
  const { call, state } = await callRaw(t, { sessions: true })
  const refuse = json(() => 'session not found', 404)
  const good = json(resulting('{"content":[]}'))
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () =>
      call((request, response) =>
        (request.headers['mcp-session-id'] === 'session-1' ? refuse : good)(request, response, 0),
      ),
    ),
  )
  assert.deepEqual([new Set(outcomes.map(({ kind }) => kind)), state.opened], [new Set(['result']), 2])
})

test('I6: without a session there is none to open anew', async (t) => {
  const { call, state } = await callRaw(t)
  assert.equal((await call(json(() => 'not found', 404))).kind, 'refused')
  assert.equal(state.calls.length, 1)
})

test('a call that its caller withdrew ends as its server says, when that comes within ten seconds', async (t) => {
  const { call, state } = await callRaw(t)
  await call(json(resulting('{"content":[]}')))
  t.mock.timers.enable({ apis: ['setTimeout'] })
  for (const [waitedMs, kind] of [
    [9_000, 'result'],
    [11_000, 'cancelled'],
  ] as const) {
    const withdrawn = new AbortController()
    const asked = Promise.withResolvers<void>()
    state.onCancelled = () => asked.resolve()
    let answer = () => {}
    const ended = call(
      (request, response) => {
        answer = () => json(resulting('{"content":[]}'))(request, response, 0)
        withdrawn.abort()
      },
      { signal: withdrawn.signal },
    )
    await asked.promise
    t.mock.timers.tick(waitedMs)
    answer()
    assert.equal((await ended).kind, kind)
  }
})

test('a server that was asked to stop and ends without an answer has stopped, as far as is known', async (t) => {
  const { call } = await callRaw(t)
  const withdrawn = new AbortController()
  const ended = call(
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      withdrawn.abort()
      response.end()
    },
    { signal: withdrawn.signal },
  )
  assert.deepEqual(await ended, { kind: 'cancelled' })
})
