import { Client } from 'undici'

const protocolVersion = '2025-11-25'

/** One caller's session. */
export interface Session {
  /** Its own connection. */
  client: Client
  /** Of the calls within it; without a session id where the server gives none. */
  headers: Record<string, string>
}

/**
 * Opens an MCP session as clients do: initialize, then the notification that it is done.
 *
 * @throws Error when the server does not open one
 */
export async function openSession(url: URL, headers: Record<string, string>): Promise<Session> {
  const client = new Client(url.origin)
  const post = async (message: object, more: Record<string, string>) => {
    const answer = await client.request({
      path: url.pathname,
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`no session: HTTP ${answer.statusCode}: ${text.slice(0, 300)}`)
    return answer
  }
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'bench', version: '1' } }
  const opened = await post({ id: 0, method: 'initialize', params }, {})
  const id = opened.headers['mcp-session-id']
  const session = {
    'mcp-protocol-version': protocolVersion,
    ...(id === undefined ? {} : { 'mcp-session-id': String(id) }),
  }
  await post({ method: 'notifications/initialized' }, session)
  return { client, headers: session }
}
