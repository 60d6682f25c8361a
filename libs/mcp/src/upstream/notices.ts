import type { Agent } from 'undici'
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
 * intervals anyway; a stream that breaks is opened again.
 */
export function listenForToolChanges(options: {
  agent: Agent
  url: URL
  open: () => Promise<NoticeStream>
  onChanged: () => void
}): { stop: () => void } {
  const abort = new AbortController()
  const listen = async (): Promise<boolean> => {
    const { method, headers, body } = await options.open()
    const response = await options.agent.request({
      origin: options.url.origin,
      path: options.url.pathname + options.url.search,
      method,
      headers,
      signal: abort.signal,
      ...(body === undefined ? {} : { body }),
    })
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
