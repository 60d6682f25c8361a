import { canonicalJson, type JsonObject } from '@countersign/contracts'
import type { Answer } from '../check/evidence.ts'

/** A call as a client sends it. */
export interface Asked {
  url: string
  token: string
  name: string
  arguments: JsonObject
  key?: string | undefined
  /** The caller takes progress, so a held call keeps it waiting. */
  progress?: boolean
  /** Told the id of the request once it is on its way, for cancelling. */
  onSent?: (requestId: number) => void
}

const patienceMs = 90_000
let lastId = 0

/** Asks for a call, as a legacy client without a session; whatever happens is an answer. */
export async function ask(asked: Asked): Promise<Answer> {
  const id = ++lastId
  const meta = asked.progress ? { _meta: { progressToken: id } } : {}
  const params = { name: asked.name, arguments: asked.arguments, ...meta }
  try {
    const answered = post(asked, { jsonrpc: '2.0', id, method: 'tools/call', params })
    asked.onSent?.(id)
    return answerOf(await answered)
  } catch (error) {
    const { cause } = error as Error
    return { kind: 'none', why: cause instanceof Error ? cause.message : String(error) }
  }
}

/** Withdraws a request of `ask`, at the same gateway; whether it arrives shows in the history. */
export async function cancel(asked: Asked, requestId: number): Promise<void> {
  const params = { requestId, reason: 'not wanted any more' }
  await post(asked, { jsonrpc: '2.0', method: 'notifications/cancelled', params }).catch(() => {})
}

async function post({ url, token, key }: Asked, body: JsonObject): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  })
  return response.text()
}

/** Reads a JSON answer, or the last message of an event stream. */
function answerOf(text: string): Answer {
  // A call that was withdrawn has no answer.
  if (!text.includes('{')) return { kind: 'none', why: 'the stream ended without an answer' }
  const data = text.startsWith('{') ? text : text.slice(text.lastIndexOf('\ndata: ') + 7)
  const { result, error } = JSON.parse(data) as {
    result?: JsonObject
    error?: { message: string; data?: { code?: string } }
  }
  if (error) return { kind: 'error', code: error.data?.code ?? 'none', message: error.message }
  if (!result) return { kind: 'none', why: 'the stream ended before the answer' }
  const own = result.structuredContent as { status?: string; code?: string } | undefined
  return {
    kind: 'result',
    status: own?.status ?? 'succeeded',
    code: own?.code,
    callId: (result._meta as { 'countersign.dev/callId'?: string } | undefined)?.['countersign.dev/callId'],
    content: canonicalJson(result.content ?? []),
  }
}
