/** A stdio MCP server for tests, written without an SDK so that it can misbehave. Its tools are named after what they do. */
import { createInterface } from 'node:readline'

interface Message {
  id?: number | string
  method?: string
  params?: {
    name?: string
    arguments?: Record<string, unknown>
    requestId?: number
    _meta?: { progressToken?: number }
  }
}

const cancelled: unknown[] = []
const answers: unknown[] = []
const hanging = new Set<number | string>()
const write = (message: object) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

const tools: Record<string, (message: Message, line: string) => unknown> = {
  line: (_message, line) => line,
  progress({ params }) {
    const progressToken = params?._meta?.progressToken
    for (const progress of [1, 2])
      write({ method: 'notifications/progress', params: { progressToken, progress, total: 2 } })
    return 'done'
  },
  garbage() {
    process.stdout.write('this is not JSON\n[1,2]\n{"jsonrpc":"2.0","id":99999,"result":{}}\n\n')
    return 'done'
  },
  'null-result': ({ id }) => write({ id, result: null }),
  'odd-error': ({ id }) => write({ id, error: 'no' }),
  endless: () => void process.stdout.write('x'.repeat(16 * 1024 * 1024 + 1)),
  die: () => process.exit(3),
  hang: ({ id }) => void hanging.add(id!),
  'hang-for-a-while': ({ id }) =>
    void setTimeout(() => write({ id, result: { content: [{ type: 'text', text: 'late' }] } }), 300),
  cancelled: () => JSON.stringify({ cancelled, hanging: hanging.size }),
  ask() {
    write({ id: 'q1', method: 'sampling/createMessage', params: {} })
    write({ id: 'q2', method: 'ping' })
    return 'asked'
  },
  answers: () => JSON.stringify(answers),
  announce() {
    write({ method: 'notifications/tools/list_changed' })
    return 'announced'
  },
  environment: () => JSON.stringify(process.env),
}

if (process.argv.includes('--ignore-sigterm')) {
  process.on('SIGTERM', () => {})
  // Not for ever, should a test lose it.
  setTimeout(() => process.exit(), 30_000)
}
process.stderr.write('the odd server is up\n')

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message
  const { id, method, params } = message
  if (method === 'initialize') {
    if (process.argv.includes('--null-initialize')) return write({ id, result: null })
    const serverInfo = { name: 'odd', version: '1' }
    write({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo } })
  } else if (method === 'tools/call') {
    const text = tools[params!.name!]!(message, line)
    if (text !== undefined) write({ id, result: { content: [{ type: 'text', text }] } })
  } else if (method === 'notifications/cancelled') {
    cancelled.push(params)
    hanging.delete(params!.requestId!)
  } else if (method === undefined) answers.push(message)
})
