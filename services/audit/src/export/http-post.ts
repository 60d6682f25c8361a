import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps, type RequestOptions } from 'node:https'
import { batchesAtOnce, Gone, Refused, TryLater } from './driver.ts'
import { type HeaderSpec, requestHeaders } from './request-headers.ts'
import { readTls, type TlsFiles } from './tls-files.ts'

/** How a target is reached. */
export interface Reach {
  url: string
  tls?: TlsFiles | undefined
  headers?: readonly HeaderSpec[] | undefined
}

/** An answer, as far as it is read. */
export interface Answer {
  body: Buffer
  /** The beginning of what it says, fit to be shown: without the secrets that it repeats, in one line. */
  quote: (said: string) => string
}

interface Answered {
  status: number
  body: Buffer
  /** How long the target asked for patience, in ms. */
  retryAfter: number | undefined
}

/** Answers say whether it worked; what is longer is cut off. */
const maxAnswerBytes = 64 * 1024
/** What the same request will always be answered with: it is the content that the target does not want. */
const refusing = new Set([400, 413, 422])
/** What is shorter is no secret, and words that happen to be the same would be hidden. */
const minSecretLength = 8

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
   * @param more headers besides those of the document
   * @throws Refused for 400, 413 and 422, Gone for 410, TryLater when the target says when, Error for all else
   */
  async send(body: Buffer, more: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const configured = await requestHeaders(this.#reach.headers)
    const { status, retryAfter, body: answer } = await this.#post(body, { ...configured, ...more }, signal)
    const quote = (text: string) => excerpt(text, this.#secrets(configured))
    if (status >= 200 && status < 300) return { body: answer, quote }
    const said = `the target answered ${status}`
    if (status === 410) throw new Gone(`${said}: it wants no more`)
    // A 413 that says when is for now only (RFC 9110 section 15.5.14).
    if (refusing.has(status) && !(status === 413 && retryAfter !== undefined)) {
      const of = status === 413 ? ` to a body of ${body.length} bytes` : ''
      throw new Refused(said + of, quote(answer.toString()))
    }
    if (retryAfter !== undefined) throw new TryLater(said, retryAfter)
    if (status >= 300 && status < 400)
      throw new Error(`${said}: redirects are not followed; name the place it leads to`)
    const look = status < 500 && ![408, 429].includes(status) ? '; look at the URL and the credentials' : ''
    throw new Error(said + look)
  }

  close(): void {
    this.#agent.destroy()
  }

  /** What may be a secret in a request; targets repeat what they were sent. */
  #secrets(headers: Record<string, string>): string[] {
    const { pathname, search, searchParams } = new URL(this.#reach.url)
    const words = Object.values(headers).flatMap((value) => value.split(/\s+/))
    const values = search
      .slice(1)
      .split('&')
      .map((pair) => pair.slice(pair.indexOf('=') + 1))
    const parts = [...pathname.split('/'), ...values].flatMap((part) => [part, decoded(part)])
    const secrets = [pathname + search, pathname, ...parts, ...searchParams.values(), ...words]
    // Of one that is in another the rest would be left.
    return secrets.filter(({ length }) => length >= minSecretLength).toSorted((a, b) => b.length - a.length)
  }

  async #post(body: Buffer, headers: Record<string, string>, signal: AbortSignal): Promise<Answered> {
    const all = { ...headers, 'content-length': String(body.length), 'user-agent': 'countersign' }
    const options = { method: 'POST', signal, headers: all, ...readTls(this.#reach.tls) }
    try {
      return await this.#ask(body, { ...options, agent: this.#agent })
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw unreachable(error, signal)
    }
    return this.#ask(body, { ...options, agent: false }).catch((error: unknown) => {
      throw unreachable(error, signal)
    })
  }

  /** @throws StaleConnection when the target had closed a connection that was kept, Error for all else */
  #ask(body: Buffer, options: RequestOptions & { signal: AbortSignal }): Promise<Answered> {
    const { url } = this.#reach
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:') ? requestHttps(url, options) : requestHttp(url, options)
      let answered = false
      request.on('error', (error: NodeJS.ErrnoException) => {
        // Who answers before it has read everything may close the connection: what it said counts, not that.
        if (answered) return
        const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE'
        reject(closed && request.reusedSocket && !options.signal.aborted ? new StaleConnection() : error)
      })
      request.once('response', (response) => {
        answered = true
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

/** Thrown when a connection that was kept turns out to be closed: nothing is wrong with the target. */
class StaleConnection extends Error {}

async function readAnswer(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxAnswerBytes) break
    }
  } catch (error) {
    // Who refuses what it did not read to its end may close the connection before its own answer has come.
    if ((response.statusCode ?? 0) < 400) throw error
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes)
}

/** Seconds, or a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** A part of an address as it is meant; as it stands where that is not to be told. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The beginning of what a target says, without the secrets that it repeats. */
function excerpt(text: string, secrets: readonly string[]): string {
  return secrets
    .reduce((said, secret) => said.replaceAll(secret, '[…]'), text)
    .slice(0, 300)
    .replaceAll(/[^\x20-\x7e…]+/g, ' ')
    .trim()
}

function unreachable(cause: unknown, signal: AbortSignal): Error {
  const { code, message } = cause as NodeJS.ErrnoException
  // Node's own codes say less than its words; of OpenSSL it is the other way round.
  const isNodes = code?.startsWith('ERR_') && !code.startsWith('ERR_SSL_')
  const reason = signal.aborted ? 'it did not answer in time' : isNodes ? message : (code ?? message)
  return new Error(`the target cannot be reached: ${reason}`, { cause })
}
