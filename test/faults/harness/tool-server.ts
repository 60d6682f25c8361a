/**
 * The tool server of the fault harness, a process of its own: `tool-server.ts <port> <record file>`. Every call it receives is
 * written down, one JSON line each, before anything is done about it.
 */
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { JsonObject } from '@countersign/contracts'
import type { Received } from '../check/evidence.ts'
import { serverName, slowMs, toolDefinitions, type ToolName, tools } from './tools.ts'

const [port, recordFile] = process.argv.slice(2)
if (port === undefined || recordFile === undefined) throw new Error('usage: tool-server.ts <port> <record file>')

const server = createServer((request, response) => void answer(request, response))
server.listen(Number(port), '127.0.0.1', () => process.send?.({ started: 'tool-server' }))
process.once('disconnect', () => process.exit(0))

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end()
    return
  }
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk)
  const { id, method, params } = JSON.parse(body) as { id?: unknown; method: string; params: JsonObject }
  const reply = (message: object) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...message }))
  if (id === undefined) response.writeHead(202).end()
  else if (method === 'initialize') reply({ result: greeting })
  else if (method === 'tools/list') reply({ result: { tools: toolDefinitions } })
  else if (method === 'tools/call') await play(params, body, request, reply)
  else reply({ error: { code: -32601, message: 'no such method' } })
}

const greeting = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: serverName, version: '1' },
}

async function play(
  params: JsonObject,
  body: string,
  request: IncomingMessage,
  reply: (message: object) => void,
): Promise<void> {
  const args = params.arguments as JsonObject
  const tool = params.name as ToolName
  const received: Received = { n: Number(args.n), tool, arguments: args, body, at: new Date().toISOString() }
  appendFileSync(recordFile!, `${JSON.stringify(received)}\n`)
  const result = (text: string, more = {}) => reply({ result: { content: [{ type: 'text', text }], ...more } })
  switch (tools[tool].does) {
    case 'slow':
      await new Promise((resolve) => setTimeout(resolve, slowMs))
      return result(JSON.stringify(args))
    case 'echo':
      return result(JSON.stringify(args))
    case 'tool-error':
      return result('no', { isError: true })
    case 'rpc-error':
      return reply({ error: { code: -32602, message: 'not these parameters' } })
    case 'die':
      request.socket.destroy()
  }
}
