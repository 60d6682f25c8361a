import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stdioBridgePath } from '../../src/bridge/index.ts'
import { SseReader } from '../../src/wire/sse.ts'

export const oddServer = ['node', fileURLToPath(new URL('./odd-server.ts', import.meta.url))]

/** A bridge in a process of its own. */
export interface TestBridge {
  process: ChildProcess
  port: number
  url: URL
  /** What it wrote on standard error so far. */
  log: () => string
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts `countersign-stdio-bridge` on a free port; it is killed after the test if it is still there. */
export async function startBridge(
  t: { after: (fn: () => unknown) => void },
  command: string[],
  options: string[] = [],
): Promise<TestBridge> {
  const child = spawn(process.execPath, [stdioBridgePath, '--port', '0', ...options, '--', ...command])
  const exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  t.after(async () => {
    child.kill('SIGKILL')
    await exit
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk))
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exit.then(({ code }) => assert.fail(`the bridge ended with ${code}: ${log}`)),
  ])) as [string]
  const port = (JSON.parse(line) as { listening: number }).listening
  return { process: child, port, url: new URL(`http://127.0.0.1:${port}/mcp`), log: () => log, exit }
}

/** One answer over plain HTTP. */
export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The JSON-RPC messages in it, from JSON or from the stream. */
  messages: Record<string, never>[]
}

/** Sends one HTTP request as it is, without a client library. */
export async function send(
  port: number,
  method: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const accept = 'application/json, text/event-stream'
  const outgoing = request(
    {
      port,
      host: '127.0.0.1',
      path: '/mcp',
      method,
      headers: { accept, 'content-type': 'application/json', ...headers },
    },
    (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject).on('end', () => {
        const { statusCode: status = 0, headers: incoming } = response
        const stream = incoming['content-type'] === 'text/event-stream'
        const parts = stream ? new SseReader().push(text).map(({ data }) => data) : text === '' ? [] : [text]
        resolve({ status, headers: incoming, text, messages: parts.map((part) => JSON.parse(part)) })
      })
    },
  )
  outgoing.on('error', reject)
  outgoing.end(body)
  return await promise
}

/** Initializes; returns a way to send more in that session. */
export async function openSession(port: number, more: Record<string, string> = {}) {
  const initialize = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {} },
  }
  const { status, headers } = await send(port, 'POST', JSON.stringify(initialize), more)
  assert.equal(status, 200)
  const session = String(headers['mcp-session-id'])
  const post = (message: object | string) =>
    send(port, 'POST', typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }), {
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
      ...more,
    })
  const call = async (id: number | string, name: string, params: object = {}) =>
    await post({ id, method: 'tools/call', params: { name, arguments: {}, ...params } })
  return { session, post, call }
}

/** The text of a tool result. */
export function textOf({ messages }: Answer): string {
  return (messages.at(-1) as unknown as { result: { content: { text: string }[] } }).result.content[0]!.text
}
