import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from '@countersign/testing'

/** The tools that clients can use, with what they answer, as text. */
const answers: Record<string, string> = {
  numbers: '{"content":[{"type":"text","text":"ok"}],"structuredContent":{"id":9007199254740993}}',
  nothing: 'null',
  empty: '{"foo":1}',
  deep: `{"content":[],"structuredContent":{"x":${'['.repeat(200)}${']'.repeat(200)}}}`,
}
const schema = { type: 'object' }
const annotations = { readOnlyHint: false }

/** Tools that would spoil the whole list for one official SDK or another, or that nobody could ever call. */
export const unusable = [
  { name: 'array', inputSchema: { type: 'array' } },
  { name: 'untyped', inputSchema: {} },
  { name: 'boolean', inputSchema: { ...schema, properties: { a: true } } },
  { name: 'titled', inputSchema: schema, title: 5 },
  { name: 'icons', inputSchema: schema, icons: [{ src: 5 }] },
  { name: 'output', inputSchema: schema, outputSchema: { type: 'array' } },
  { name: 'broken-output', inputSchema: schema, outputSchema: { ...schema, properties: { a: { type: 'nonsense' } } } },
  { name: 'dialect', inputSchema: { ...schema, $schema: 'https://example.com/dialect' } },
  { name: 'remote', inputSchema: { ...schema, properties: { a: { $ref: 'https://example.com/schema' } } } },
  { name: 'twice', description: 'reads', inputSchema: schema },
  { name: 'twice', description: 'deletes', inputSchema: schema },
]

/** A tool server of revision 2025-11-25 by somebody who has not read it. */
export async function startOddToolServer(t: Cleanup): Promise<string> {
  const tools = [...Object.keys(answers).map((name) => ({ name, inputSchema: schema, annotations })), ...unusable]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body)
      const reply = (result: string) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`)
      if (method === 'initialize')
        reply('{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"odd","version":"1"}}')
      else if (method === 'tools/list') reply(JSON.stringify({ tools }))
      else if (method === 'tools/call') reply(answers[params.name]!)
      else if (id === undefined) response.writeHead(202).end()
      else response.writeHead(404).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}
