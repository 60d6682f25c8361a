/**
 * An MCP server for tests over Streamable HTTP, without an SDK: `POST /control` changes its tools, tells about it, lets it hang or
 * ends it. Its port comes from the environment.
 */
import { createServer, type ServerResponse } from 'node:http'

interface Control {
  tools?: object[]
  announce?: boolean
  hang?: boolean
  exit?: number
}

const listeners = new Set<ServerResponse>()
const first = {
  name: 'one',
  description: 'first',
  inputSchema: { type: 'object', properties: { a: { type: 'string' } } },
}
let tools: object[] = process.env.TOOLS === undefined ? [first] : (JSON.parse(process.env.TOOLS) as object[])
let hang = false
let lists = 0

function control({ announce, exit, ...more }: Control): void {
  tools = more.tools ?? tools
  hang = more.hang ?? hang
  if (announce) {
    const message = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    for (const listener of listeners) listener.write(`data: ${message}\n\n`)
  }
  if (exit !== undefined) process.exit(exit)
}

const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  if (request.url === '/control') {
    response.end(JSON.stringify({ listeners: listeners.size, lists, pid: process.pid }))
    control(JSON.parse(text) as Control)
  } else if (hang) return
  else if (request.method === 'GET') {
    listeners.add(response.writeHead(200, { 'content-type': 'text/event-stream' }))
    response.flushHeaders()
    response.once('close', () => listeners.delete(response))
  } else if (request.method === 'DELETE') response.writeHead(204).end()
  else {
    const { id, method } = JSON.parse(text) as { id?: number; method: string }
    if (method === 'tools/list') lists += 1
    if (id === undefined) return void response.writeHead(202).end()
    const result =
      method === 'initialize'
        ? {
            protocolVersion: '2025-11-25',
            capabilities: { tools: { listChanged: true } },
            serverInfo: { name: 'changing', version: '1' },
          }
        : method === 'tools/list'
          ? { tools }
          : undefined
    const answer = result ? { result } : { error: { code: -32601, message: 'not served' } }
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  }
})
server.listen(Number(process.env.PORT), '127.0.0.1')
