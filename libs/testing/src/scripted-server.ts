import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject, ToolDefinition } from '@countersign/contracts'
import type { Cleanup } from './test-bus.ts'

/** What a scripted tool does when it is called. */
export type Behaviour =
  | 'echo'
  | 'tool-error'
  | 'rpc-error'
  | 'hang'
  | 'die'
  | 'garbage'
  | 'stream-for-ever'
  | 'oversized'
  | 'progress'
  | 'refuse'
  | 'echo-headers'

/** A tool server that does what a test says, over real HTTP, and remembers every call it received. */
export interface ScriptedServer {
  url: string
  /** Every `tools/call` received, in order, with the body as it came. */
  calls: { tool: string; args: JsonObject; body: string }[]
  /** Ids of requests that were asked to be cancelled. */
  cancelled: unknown[]
  tools: ToolDefinition[]
  /** Lets every hanging call go on and answer. */
  release(): void
  close(): Promise<void>
}

/** The definition of a scripted tool; its name starts with what it does: `echo`, `hang-2`, … */
export function scriptedTool(name: string, annotations: ToolDefinition['annotations'] = {}): ToolDefinition {
  return { name, description: `Does ${name}.`, inputSchema: { type: 'object' }, annotations }
}

/** Starts a scripted server of revision 2025-11-25, without sessions. */
export async function startScriptedServer(t: Cleanup, tools: ToolDefinition[]): Promise<ScriptedServer> {
  let waiting: (() => void)[] = []
  const scripted: Omit<ScriptedServer, 'url'> = {
    calls: [],
    cancelled: [],
    tools,
    release() {
      for (const go of waiting) go()
      waiting = []
    },
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  }
  const server = createServer((request, response) => void answer(request, response))
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== 'POST') return response.writeHead(405).end()
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { id, method, params } = JSON.parse(body)
    const json = (message: object, status = 200) => {
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...message }))
    }
    switch (method) {
      case 'initialize':
        return json({
          result: {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {} },
            serverInfo: { name: 'scripted', version: '1' },
          },
        })
      case 'tools/list':
        return json({ result: { tools: scripted.tools } })
      case 'tools/call':
        scripted.calls.push({ tool: params.name, args: params.arguments, body })
        return play(params, request, response, json)
      case 'notifications/cancelled':
        scripted.cancelled.push(params.requestId)
        return response.writeHead(202).end()
      default:
        return id === undefined
          ? response.writeHead(202).end()
          : json({ error: { code: -32601, message: 'no such method' } })
    }
  }
  const play = async (
    params: { name: string; arguments: JsonObject; _meta?: { progressToken?: unknown } },
    request: IncomingMessage,
    response: ServerResponse,
    json: (message: object, status?: number) => void,
  ) => {
    const text = (value: unknown) => ({ result: { content: [{ type: 'text', text: JSON.stringify(value) }] } })
    switch (behaviourOf(params.name)) {
      case 'echo':
        return json(text(params.arguments))
      case 'echo-headers':
        return json(text(request.headers))
      case 'tool-error':
        return json({ result: { content: [{ type: 'text', text: 'no' }], isError: true } })
      case 'rpc-error':
        // Long, and cut after an even number of code units it ends with half a character.
        return json({ error: { code: -32602, message: `not these parameters ${'😀'.repeat(5000)}` } })
      case 'refuse':
        return json({ error: { code: -32000, message: 'no' } }, 403)
      case 'hang':
        await new Promise<void>((resolve) => waiting.push(resolve))
        return json(text('late'))
      case 'die':
        return request.socket.destroy()
      case 'garbage':
        return response.writeHead(200, { 'content-type': 'application/json' }).end('<html>oops')
      case 'oversized':
        return json(text('x'.repeat(200_000)))
      case 'stream-for-ever': {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const timer = setInterval(() => response.write(`: ${'x'.repeat(1000)}\n\n`), 1)
        response.once('close', () => clearInterval(timer))
        return
      }
      case 'progress': {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const progressToken = params._meta?.progressToken
        const send = (message: object) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
        for (const progress of [1, 2, 3])
          send({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } })
        send({ id: JSON.parse(scripted.calls.at(-1)!.body).id, ...text('done') })
        return response.end()
      }
    }
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => scripted.close())
  return Object.assign(scripted, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` })
}

const behaviours = [
  'echo-headers',
  'echo',
  'tool-error',
  'rpc-error',
  'hang',
  'die',
  'garbage',
  'stream-for-ever',
  'oversized',
  'progress',
  'refuse',
] as const satisfies Behaviour[]

function behaviourOf(tool: string): Behaviour {
  return behaviours.find((behaviour) => tool === behaviour || tool.startsWith(`${behaviour}-`)) ?? 'echo'
}
