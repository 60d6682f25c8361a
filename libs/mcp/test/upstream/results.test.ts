import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '@countersign/contracts'
import { callRaw, json, resulting } from './raw-server.ts'

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
