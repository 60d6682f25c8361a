import type { Agent, Dispatcher } from 'undici'
import { readRpcMessage } from '../wire/json-rpc.ts'
import { SseReader } from '../wire/sse.ts'

/** The stream to open for change notices: a GET in the legacy era, `subscriptions/listen` in the modern one. */
export interface NoticeStream {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
}

const retryMs = 5000
const maxEventBytes = 1024 * 1024

/**
 * Listens for `notifications/tools/list_changed`. A server that offers no stream (HTTP 4xx) is not asked again: it is probed at
 * intervals anyway; a stream that breaks is opened again. A token that was refused (HTTP 401) is not sent again: there is no stream until
 * it was replaced.
 *
 * @param options.open makes the request; told whether the last token was refused, so that it is looked for a new one at once
 */
export function listenForToolChanges(options: {
  agent: Agent
  url: URL
  open: (refused: boolean) => Promise<NoticeStream>
  onChanged: () => void
}): { stop: () => void } {
  const abort = new AbortController()
  let refused: string | undefined
  /** The server's answer; undefined when there is no token that it has not refused. */
  const request = async (): Promise<Dispatcher.ResponseData | undefined> => {
    const { method, headers, body } = await options.open(refused !== undefined)
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
    if (refused === undefined) return response
    await response.body.dump()
    return undefined
  }
  const listen = async (): Promise<boolean> => {
    // A token that was replaced a moment ago is refused once.
    const response = (await request()) ?? (await request())
    if (!response) return true
    if (response.statusCode !== 200) {
      await response.body.dump()
      return response.statusCode >= 500
    }
    const reader = new SseReader()
    const decoder = new TextDecoder()
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      if (chunk.length > maxEventBytes) break
      for (const { data } of reader.push(decoder.decode(chunk, { stream: true }))) {
        const message = readRpcMessage(safeParse(data))
        if (message.kind === 'notification' && message.notification.method === 'notifications/tools/list_changed')
          options.onChanged()
      }
    }
    return true
  }
  const run = async () => {
    while (!abort.signal.aborted) {
      const again = await listen().catch(() => true)
      if (!again) return
      await new Promise((resolve) => setTimeout(resolve, retryMs).unref())
    }
  }
  void run()
  return { stop: () => abort.abort() }
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
