import type { Agent, Dispatcher } from 'undici'
import { readRpcMessage } from '../wire/json-rpc.ts'
import { SseReader } from '../wire/sse.ts'

/** The stream to open for change notices: a GET in the legacy era, `subscriptions/listen` in the modern one. */
export interface NoticeStream {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
}

/** What a server no longer takes, so that it is not sent again. */
export interface Refused {
  /** The last token was refused: it is looked for a new one at once. */
  token: boolean
  /** The session that the server does not know. */
  session: string | undefined
}

const retryMs = 5000
/** Sessions lost in a row, after ever longer pauses, before a server counts as one that offers no stream. */
const maxLostSessions = 3
const maxEventChars = 1024 * 1024

/** How an attempt to listen ended. */
type Ended = 'broke off' | 'no stream' | 'session lost'

/**
 * Listens for `notifications/tools/list_changed`. A server that offers no stream (HTTP 4xx) is not asked again: it is probed at
 * intervals anyway; a stream that breaks is opened again, in a new session where the server lost the old one. A token that was refused
 * (HTTP 401) is not sent again: there is no stream until it was replaced.
 *
 * @param options.open makes the request, without what was refused
 * @returns `ended` resolves when nothing is listened to any more
 */
export function listenForToolChanges(options: {
  agent: Agent
  url: URL
  open: (refused: Refused) => Promise<NoticeStream>
  onChanged: () => void
  retryMs?: number
}): { stop: () => void; ended: Promise<void> } {
  const abort = new AbortController()
  let refused: string | undefined
  let lost: string | undefined
  /** The server's answer; undefined when there is no token that it has not refused. */
  const request = async (): Promise<{ response: Dispatcher.ResponseData; session: string | undefined } | undefined> => {
    const { method, headers, body } = await options.open({ token: refused !== undefined, session: lost })
    lost = undefined
    if (refused !== undefined && headers.authorization === refused) return undefined
    const response = await options.agent.request({
      origin: options.url.origin,
      path: options.url.pathname + options.url.search,
      method,
      headers,
      signal: abort.signal,
      ...(body === undefined ? {} : { body }),
    })
    refused = response.statusCode === 401 ? headers.authorization : undefined
    if (refused === undefined) return { response, session: headers['mcp-session-id'] }
    await response.body.dump()
    return undefined
  }
  const listen = async (onOpen: () => void): Promise<Ended> => {
    // A token that was replaced a moment ago is refused once.
    const answer = (await request()) ?? (await request())
    if (!answer) return 'broke off'
    const { response, session } = answer
    const { statusCode } = response
    if (statusCode !== 200) {
      await response.body.dump()
      // 404 by the specification; many say 400.
      if (session !== undefined && (statusCode === 404 || statusCode === 400)) {
        lost = session
        return 'session lost'
      }
      return statusCode >= 500 ? 'broke off' : 'no stream'
    }
    onOpen()
    const reader = new SseReader()
    const decoder = new TextDecoder()
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      for (const { data } of reader.push(decoder.decode(chunk, { stream: true }))) {
        const message = readRpcMessage(safeParse(data))
        if (message.kind === 'notification' && message.notification.method === 'notifications/tools/list_changed')
          options.onChanged()
      }
      if (reader.pending > maxEventChars) break
    }
    return 'broke off'
  }
  const run = async () => {
    let lostInARow = 0
    while (!abort.signal.aborted) {
      const ended = await listen(() => (lostInARow = 0)).catch((): Ended => 'broke off')
      if (ended === 'session lost') lostInARow += 1
      if (ended === 'no stream' || lostInARow > maxLostSessions) return
      // After a restart of the server the first new session is good.
      if (ended === 'session lost' && lostInARow === 1) continue
      const pauseMs = (options.retryMs ?? retryMs) * Math.max(1, lostInARow)
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
    }
  }
  return { stop: () => abort.abort(), ended: run() }
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
