import type { IncomingMessage } from 'node:http'
import { Refusal } from './refusal.ts'

/** What is read and dropped of a body that is too large: a client reads its refusal only once it has sent everything. */
const maxDroppedBytes = 64 * 1024 * 1024

/**
 * Reads the body of a request as UTF-8.
 *
 * @throws Refusal with HTTP 413 for more than `maxBytes`, with 400 for bytes that are not UTF-8
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new Refusal(413, -32600, `the body is over the limit of ${maxBytes} bytes`, { headers: { connection: 'close' } })
  let chunks: Buffer[] = []
  let bytes = 0
  // The connection must outlive the refusal, which travels on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxDroppedBytes) throw tooLarge()
    if (bytes > maxBytes) chunks = []
    else chunks.push(chunk)
  }
  if (bytes > maxBytes) throw tooLarge()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new Refusal(400, -32700, 'the body is not UTF-8')
  }
}
