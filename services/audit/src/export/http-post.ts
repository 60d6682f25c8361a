import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { batchesAtOnce, Refused, TryLater } from './driver.ts'
import { readTls, type TlsFiles } from './tls-files.ts'

/** How a target is reached. */
export interface Reach {
  url: string
  tls?: TlsFiles | undefined
}

/** An answer, as far as it is read. */
export interface Answer {
  status: number
  body: Buffer
}

/** Answers say whether it worked; what is longer is cut off. */
const maxAnswerBytes = 64 * 1024
/** What the same request will always be answered with: it is the content that the target does not want. */
const refusing = new Set([400, 413, 422])

/** Posts to one URL, over connections that are kept. Redirects are not followed: they would take credentials along. */
export class HttpPost {
  readonly #reach: Reach
  readonly #agent: HttpAgent | HttpsAgent

  constructor(reach: Reach) {
    this.#reach = reach
    const options = { keepAlive: true, maxSockets: batchesAtOnce }
    this.#agent = reach.url.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options)
  }

  /**
   * Sends a body; resolves when the target took it.
   *
   * @throws Refused for 400, 413 and 422, TryLater when the target says when, Error for all else
   */
  async send(body: Buffer, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#post(body, headers, signal)
    const { status, retryAfter } = answer
    if (status >= 200 && status < 300) return answer
    const said = `the target answered ${status}`
    if (refusing.has(status)) throw new Refused(said, excerpt(answer.body))
    if (retryAfter !== undefined) throw new TryLater(said, retryAfter)
    if (status >= 300 && status < 400)
      throw new Error(`${said}: redirects are not followed; name the place it leads to`)
    const look = status < 500 && status !== 408 && status !== 429 ? '; look at the URL and the credentials' : ''
    throw new Error(said + look)
  }

  close(): void {
    this.#agent.destroy()
  }

  #post(
    body: Buffer,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Answer & { retryAfter: number | undefined }> {
    const { url, tls } = this.#reach
    const options = {
      method: 'POST',
      agent: this.#agent,
      signal,
      headers: { ...headers, 'content-length': String(body.length), 'user-agent': 'countersign' },
      ...readTls(tls),
    }
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:') ? requestHttps(url, options) : requestHttp(url, options)
      request.once('error', (cause) =>
        reject(new Error(`the target cannot be reached: ${reasonOf(cause, signal)}`, { cause })),
      )
      request.once('response', (response) => {
        readAnswer(response).then(
          (read) =>
            resolve({
              status: response.statusCode ?? 0,
              body: read,
              retryAfter: retryAfterMs(response.headers['retry-after']),
            }),
          reject,
        )
      })
      request.end(body)
    })
  }
}

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxAnswerBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes)
}

/** Seconds, or a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function excerpt(body: Buffer): string {
  return body
    .subarray(0, 300)
    .toString()
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
}

function reasonOf(cause: Error, signal: AbortSignal): string {
  if (signal.aborted) return 'it did not answer in time'
  const { code } = cause as NodeJS.ErrnoException
  return code === undefined ? cause.message : code
}
