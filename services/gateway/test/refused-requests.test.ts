import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startGateways } from './start-gateways.ts'

const eras = ['2025-11-25', '2026-07-28'] as const
const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

describe('a request that is refused is answered under its id, so that its client reads why and goes on', () => {
  let gateways: Awaited<ReturnType<typeof startGateways>>
  let url: string
  const cleanups: (() => Promise<void> | void)[] = []
  before(async () => {
    gateways = await startGateways({ after: (clean) => void cleanups.push(clean) }, 1, 1000, { maxCallsInFlight: 0 })
    url = gateways.urls[0]!
  })
  after(async () => {
    for (const clean of cleanups) await clean()
  })

  /** Posts text in an era; `META` in it stands for what `_meta` has to say there, and a comma. */
  const post = (era: (typeof eras)[number], text: string, method = 'tools/call') => {
    const modern = era === '2026-07-28'
    const meta = modern ? `${JSON.stringify(modernMeta).slice(1, -1)},` : ''
    return gateways.send(url, 'ann', Buffer.from(text.replace('META', meta)), {
      'mcp-protocol-version': era,
      ...(modern ? { 'mcp-method': method, 'mcp-name': 'files_wait' } : {}),
    })
  }
  const call = (args: string, more = '') =>
    `{"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{"name":"files_wait","arguments":${args},"_meta":{META"x":1}${more}}}`
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`

  for (const era of eras) {
    test(`I3, R42: ${era}: arguments that parsers could read differently are a result that the model reads`, async () => {
      for (const [args, reason] of [
        ['{"a":9007199254740993}', /9007199254740993 cannot be held exactly; send it as a string/],
        [`{"a":${deep}}`, /nested more than 64 deep/],
        ['{"a":1,"a":2}', /"a" appears twice/],
        ['{"a":"\\ud800"}', /half of a surrogate pair/],
      ] as const) {
        const { status, body } = await post(era, call(args))
        assert.deepEqual([status, body.id], [200, 'seven'], args)
        const { isError, structuredContent, content } = body.result!
        assert.equal(isError, true)
        assert.deepEqual([structuredContent.status, structuredContent.code], ['refused', 'invalid_arguments'])
        assert.equal(structuredContent.retryable, false)
        assert.match(content[0].text, reason)
      }
      // What a double holds and writes as it was sent is taken: here the next thing refuses it.
      for (const number of ['9007199254740992', '1e20'])
        assert.equal((await post(era, call(`{"a":${number}}`))).body.result!.structuredContent.code, 'overloaded')
      assert.deepEqual(await gateways.events(), [])
    })

    test(`R42: ${era}: what else of a message cannot be taken is an error under its id`, async () => {
      const status = era === '2026-07-28' ? 400 : 200
      for (const [text, code, reason, method] of [
        [call('{}', ',"n":9007199254740993'), -32602, /cannot be held exactly/],
        [
          `{"jsonrpc":"2.0","id":"seven","method":"tools/list","params":{"_meta":{META"x":[1,{"y":1,"y":2}]}}}`,
          -32602,
          /"y" appears twice/,
          'tools/list',
        ],
        [
          `{"jsonrpc":"2.0","id":"seven","method":"tools/list","params":{"cursor":"junk","_meta":{META"x":1}}}`,
          -32602,
          /no cursor/,
          'tools/list',
        ],
        [
          `{"jsonrpc":"2.0","x":9007199254740993,"id":"seven","method":"tools/list","params":{"_meta":{META"x":1}}}`,
          -32600,
          /cannot be held exactly/,
          'tools/list',
        ],
        [
          `{"jsonrpc":"2.0","id":"seven","method":"tools/list","params":{"_meta":[]}}`,
          -32602,
          /"_meta" must be an object/,
          'tools/list',
        ],
        [
          `{"jsonrpc":"2.0","id":"seven","method":"tools/list","params":{"_meta":{META"progressToken":null}}}`,
          -32602,
          /"progressToken" .* must be a string or an integer/,
          'tools/list',
        ],
        [
          `{"jsonrpc":"2.0","id":"seven","method":"tools/list","params":{"_meta":{META"io.modelcontextprotocol/related-task":5}}}`,
          -32602,
          /a member of "_meta"/,
          'tools/list',
        ],
        [
          `{"id":"seven","method":"tools/list","params":{"_meta":{META"x":1}}}`,
          -32600,
          /"jsonrpc" must be/,
          'tools/list',
        ],
      ] as const) {
        const answer = await post(era, text, method)
        assert.deepEqual([answer.status, answer.body.id, answer.body.error?.code], [status, 'seven', code], text)
        assert.match(answer.body.error!.message, reason)
      }
    })

    test(`R42: ${era}: without an id that is known there is nothing to answer under`, async () => {
      for (const [text, code] of [
        ['{"jsonrpc":"2.0","id":1,"method":"tools/list",', -32700],
        ['{"jsonrpc":"2.0","id":1,"method":"tools/list","id":2}', -32600],
        ['{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list"}', -32600],
        ['{"jsonrpc":"2.0","id":{},"method":"tools/list"}', -32600],
        ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"requestId":2}}', -32602],
        // The id of an answer is one of ours.
        ['{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}', -32600],
        ['{"jsonrpc":"2.0","id":1,"result":5}', -32600],
        ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
      ] as const) {
        const { status, body } = await post(era, text, 'tools/list')
        assert.deepEqual([status, body.id, body.error?.code], [400, null, code], text)
      }
    })

    test(`I7, R42: ${era}: a call for which there is no room is a result, with what to do`, async () => {
      const { status, body } = await post(era, call('{}'))
      const { isError, structuredContent } = body.result!
      assert.deepEqual([status, isError, structuredContent.status], [200, true, 'refused'])
      assert.deepEqual([structuredContent.code, structuredContent.retryable], ['overloaded', true])
      assert.match(structuredContent.message, /nothing was stored, ask again in a moment/)
    })
  }

  test('R8: whoever cannot take the answer is told so, and who takes no event stream gets it without', async () => {
    const list = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    for (const accept of ['text/event-stream', 'text/html', 'application/jsonx']) {
      const { status, body } = await gateways.send(url, 'ann', list, { accept })
      assert.deepEqual([status, body.error?.data.code], [406, 'not_acceptable'], accept)
    }
    for (const accept of ['application/json', '*/*', 'application/*;q=0.5', 'text/event-stream, Application/JSON'])
      assert.equal((await gateways.send(url, 'ann', list, { accept })).status, 200, accept)
  })
})
