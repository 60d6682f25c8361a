import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '@countersign/contracts'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  type CallToolResult,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  type InputRequiredResult,
  McpServer,
} from '@modelcontextprotocol/server'
import type { Cleanup } from './test-bus.ts'

/** One tool of a modern server: its input schema, and what it answers. */
export interface ModernTool {
  name: string
  inputSchema: JsonObject
  answer: (args: JsonObject) => CallToolResult | InputRequiredResult
}

/** A tool server of revision 2026-07-28 alone, made by the official SDK. */
export interface ModernServer {
  url: string
  /** The headers of every `tools/call` received, in order. */
  calls: IncomingHttpHeaders[]
}

/** A tool that asks its client before it runs, as the modern era does it. */
export function askingTool(name: string): ModernTool {
  const requestedSchema = { type: 'object', properties: { ok: { type: 'boolean' } } } as const
  const inputRequests = { sure: inputRequired.elicit({ message: 'Are you sure?', requestedSchema }) }
  return { name, inputSchema: { type: 'object' }, answer: () => inputRequired({ inputRequests }) }
}

/** Starts a tool server of revision 2026-07-28 on a free port. */
export async function startModernServer(t: Cleanup, tools: readonly ModernTool[]): Promise<ModernServer> {
  const handler = toNodeHandler(
    createMcpHandler(
      () => {
        const server = new McpServer({ name: 'modern', version: '1' }, { capabilities: { tools: {} } })
        for (const { name, inputSchema, answer } of tools) {
          server.registerTool(name, { inputSchema: fromJsonSchema<JsonObject>(inputSchema) }, async (args) =>
            answer(args),
          )
        }
        return server
      },
      { legacy: 'reject' },
    ),
  )
  const calls: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    if (request.headers['mcp-method'] === 'tools/call') calls.push(request.headers)
    // Node says that a request's method may be undefined; the SDK's type says that it may be left out.
    void handler(request as Parameters<typeof handler>[0], response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, calls }
}
