/**
 * The tool server of the benchmark: answers at once, so that what is measured is the way there and back. Its own process.
 * Prints its address as a line of JSON.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const count = Number(process.argv[2] ?? 10)
const tools = Array.from({ length: count }, (_, index) => ({
  name: `echo-${index}`,
  description: `Gives back its text. Tool ${index} of ${count}.`,
  inputSchema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
}))

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405).end()
    return
  }
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    const { id, method, params } = JSON.parse(body)
    const answer = (message: object) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...message }))
    }
    if (method === 'tools/call') answer({ result: { content: [{ type: 'text', text: params.arguments.text }] } })
    else if (method === 'tools/list') answer({ result: { tools } })
    else if (method === 'initialize') {
      answer({
        result: {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'bench', version: '1' },
        },
      })
    } else if (id === undefined) response.writeHead(202).end()
    else answer({ error: { code: -32601, message: 'not served' } })
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`),
)
process.once('disconnect', () => process.exit(0))
