/**
 * The tool server of the benchmark, a process of its own: answers at once, so that what is measured is the way there and back, or
 * misbehaves as asked. Prints its address as a line of JSON.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How calls are answered: at once, in the legacy era alone or in both; never; or with an error at once. */
export type UpstreamKind = 'prompt' | 'both-eras' | 'hanging' | 'failing'

const count = Number(process.argv[2] ?? 10)
const kind = (process.argv[3] ?? 'prompt') as UpstreamKind
const text = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
}
const named = (name: string, description: string, readOnlyHint: boolean) => ({
  name,
  description,
  inputSchema: text,
  annotations: { readOnlyHint },
})
const tools = Array.from({ length: count }, (_, index) => {
  if (index === 0) return named('write', 'Writes its text; policy holds it.', false)
  if (index === 1) return named('length', 'Says how long its text is.', true)
  return named(`echo-${index}`, `Gives back its text. Tool ${index} of ${count}.`, true)
})

interface Asked {
  id?: number
  method: string
  params: { name: string; arguments: { text: string }; _meta?: Record<string, unknown> }
}

const modernEra = '2026-07-28'
const serverInfo = { name: 'bench', version: '1' }
const capabilities = { tools: {} }

/** What the modern era adds to an answer. */
function inModernEra({ method, params }: Asked, answer: Answer): Answer {
  if (params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== modernEra || !answer.result) return answer
  const cacheable = method === 'tools/call' ? {} : { ttlMs: 60_000, cacheScope: 'public' }
  return { result: { resultType: 'complete', ...answer.result, ...cacheable } }
}

interface Answer {
  result?: object
  error?: { code: number; message: string }
}

const notServed: Answer = { error: { code: -32601, message: 'not served' } }

function answerOf({ id, method, params }: Asked): Answer | undefined {
  switch (method) {
    case 'tools/call': {
      if (kind === 'hanging') return undefined
      if (kind === 'failing') return { error: { code: -32603, message: 'out of order' } }
      const said = params.arguments.text
      return { result: { content: [{ type: 'text', text: params.name === 'length' ? String(said.length) : said }] } }
    }
    case 'tools/list':
      return { result: { tools } }
    case 'initialize':
      return { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } }
    case 'ping':
      return { result: {} }
    case 'server/discover':
      if (kind !== 'both-eras') return notServed
      return {
        result: {
          supportedVersions: [modernEra],
          capabilities,
          _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
        },
      }
    default:
      return id === undefined ? undefined : notServed
  }
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405).end()
    return
  }
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    const asked: Asked = JSON.parse(body)
    const answer = answerOf(asked)
    if (answer) {
      const message = JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...inModernEra(asked, answer) })
      response.writeHead(200, { 'content-type': 'application/json' }).end(message)
    } else if (asked.id === undefined) response.writeHead(202).end()
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`),
)
process.once('disconnect', () => process.exit(0))
