import { setTimeout as pause } from 'node:timers/promises'
import { AwsClient } from 'aws4fetch'
import { isCheckpointPath } from '../log/files.ts'
import { sendOverTls, type TlsCertificates } from './send-over-tls.ts'
import { Fenced, type Store, type StoreFile } from './store.ts'

/** Where a bucket is and who may use it. */
export interface S3Options {
  /** Of the server, such as `https://s3.eu-central-1.amazonaws.com`; the bucket's name becomes the first part of the path. */
  endpoint: string
  bucket: string
  /** Before every path; ends in `/` unless it is empty. */
  prefix?: string
  region?: string
  /** Left out, requests are not signed: enough for reading a public bucket. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** Certificates of one's own; left out, those of the system are trusted. */
  tls?: TlsCertificates | undefined
  /** Sends requests; tests put failures here. */
  send?: (request: Request) => Promise<Response>
  /** Before the second, third … try. */
  retryDelaysMs?: readonly number[]
}

const timeoutMs = 30_000
const partialContent = 206
/** The file ends before the part begins. */
const rangeNotSatisfiable = 416
/** Requests in flight at once. */
const atOnce = 16

/**
 * Logs in a bucket of an S3-compatible server. What makes a writer the only one is a conditional write: a file is replaced only
 * as long as it still is what the writer last saw.
 */
export class S3Store implements Store {
  readonly place: string
  readonly #options: Required<Omit<S3Options, 'credentials' | 'tls'>>
  readonly #signer: AwsClient | undefined

  constructor(options: S3Options) {
    const { endpoint, bucket, prefix = '', region = 'us-east-1', credentials, tls } = options
    const send = options.send ?? senderOf(endpoint, tls)
    const retryDelaysMs = options.retryDelaysMs ?? [100, 400, 1600]
    this.#options = { endpoint, bucket, prefix, region, send, retryDelaysMs }
    this.#signer = credentials && new AwsClient({ ...credentials, service: 's3', region, retries: 0 })
    this.place = `${endpoint.replace(/\/+$/, '')}/${bucket}/${prefix}`
  }

  async read(path: string): Promise<Buffer | undefined> {
    return (await this.readVersion(path))?.bytes
  }

  async readPart(path: string, offset: number, length: number): Promise<Buffer | undefined> {
    const headers = { range: `bytes=${offset}-${offset + length - 1}` }
    const response = await this.#request('GET', this.#url(path), undefined, headers)
    if (response.status === 404) return undefined
    const good = await this.#expectOk(response, `read ${path}`, [rangeNotSatisfiable])
    if (good.status === rangeNotSatisfiable) return Buffer.alloc(0)
    const bytes = Buffer.from(await good.arrayBuffer())
    // A server may answer with all of it.
    return good.status === partialContent ? bytes : bytes.subarray(offset, offset + length)
  }

  async write(files: readonly StoreFile[]): Promise<void> {
    for (let from = 0; from < files.length; from += atOnce) {
      const part = files.slice(from, from + atOnce).map(({ path, bytes }) => this.#put(path, bytes, {}))
      const failed = (await Promise.allSettled(part)).find((result) => result.status === 'rejected')
      if (failed) throw failed.reason
    }
  }

  async readVersion(path: string): Promise<{ bytes: Buffer; version: string } | undefined> {
    const response = await this.#request('GET', this.#url(path))
    if (response.status === 404) return undefined
    const good = await this.#expectOk(response, `read ${path}`)
    return { bytes: Buffer.from(await good.arrayBuffer()), version: response.headers.get('etag') ?? '' }
  }

  async swap(path: string, bytes: Uint8Array, version: string | undefined): Promise<string> {
    const condition: Record<string, string> = version === undefined ? { 'if-none-match': '*' } : { 'if-match': version }
    const response = await this.#put(path, bytes, condition, [409, 412, 404])
    if (response.ok) return response.headers.get('etag') ?? ''
    // An answer may have been lost, and the try after it refused because the one before had succeeded, or is just about to.
    for (const delay of [0, ...this.#options.retryDelaysMs]) {
      await pause(delay)
      const there = await this.readVersion(path)
      if (there?.bytes.equals(bytes)) return there.version
      if (there?.version === version) continue
      throw new Fenced(
        `${this.place}${path} was changed by another writer: a log has one writer. Nothing more is written by this one`,
      )
    }
    throw new Error(`${this.place} did not replace ${path}, though nobody has changed it: status ${response.status}`)
  }

  async list(folder: string): Promise<string[]> {
    const prefix = this.#options.prefix + (folder === '' ? '' : `${folder}/`)
    const names: string[] = []
    for (let token: string | undefined, more = true; more;) {
      const query = new URLSearchParams({ 'list-type': '2', delimiter: '/', prefix, 'encoding-type': 'url' })
      if (token !== undefined) query.set('continuation-token', token)
      const url = `${this.#bucketUrl()}?${query.toString()}`
      const text = await this.#expectOk(await this.#request('GET', url), 'list').then((good) => good.text())
      for (const [, key] of text.matchAll(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)</g)) {
        const name = decodeURIComponent(key!.replaceAll('+', ' ')).slice(prefix.length)
        if (name !== '') names.push(name)
      }
      token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1]?.replaceAll('&amp;', '&')
      more = token !== undefined
    }
    return names.toSorted()
  }

  async removeFolder(path: string): Promise<void> {
    const names = (await this.list(path)).filter((name) => !name.endsWith('/'))
    for (let from = 0; from < names.length; from += atOnce) {
      const part = names.slice(from, from + atOnce).map(async (name) => {
        await this.#expectOk(
          await this.#request('DELETE', this.#url(`${path}/${name}`)),
          `remove ${path}/${name}`,
          [404],
        )
      })
      await Promise.all(part)
    }
  }

  /** A bucket has no locks: the first conditional write finds another writer. */
  claim(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #put(path: string, bytes: Uint8Array, headers: Record<string, string>, also: readonly number[] = []) {
    // As tlog-tiles has it, for those who read the log over HTTP.
    const type = isCheckpointPath(path) ? 'text/plain; charset=utf-8' : 'application/octet-stream'
    const response = await this.#request('PUT', this.#url(path), bytes, { ...headers, 'content-type': type })
    await this.#expectOk(response, `write ${path}`, also)
    return response
  }

  async #request(
    method: string,
    url: string,
    body?: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const { send, retryDelaysMs } = this.#options
    for (let attempt = 0; ; attempt++) {
      const signal = AbortSignal.timeout(timeoutMs)
      const init = { method, headers, signal, ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }) }
      const delay = retryDelaysMs[attempt]
      try {
        const request = this.#signer ? await this.#signer.sign(url, init) : new Request(url, init)
        const response = await wholeOf(await send(request))
        if (!isPassing(response.status) || delay === undefined) return response
      } catch (cause) {
        if (delay === undefined) {
          throw new Error(`${this.place} cannot be reached: ${reasonOf(cause)}`, { cause })
        }
      }
      await pause(delay)
    }
  }

  async #expectOk(response: Response, what: string, also: readonly number[] = []): Promise<Response> {
    if (response.ok) return response
    const text = await response.text()
    if (also.includes(response.status)) return response
    const [, code = ''] = /<Code>([^<]*)</.exec(text) ?? []
    throw new Error(`${this.place} did not ${what}: status ${response.status} ${code}`.trim())
  }

  #bucketUrl(): string {
    return `${this.#options.endpoint.replace(/\/+$/, '')}/${this.#options.bucket}`
  }

  #url(path: string): string {
    return `${this.#bucketUrl()}/${(this.#options.prefix + path).split('/').map(encodeURIComponent).join('/')}`
  }
}

/** What sends the requests to a bucket's server. */
export function senderOf(endpoint: string, tls: TlsCertificates | undefined): (request: Request) => Promise<Response> {
  const plain = tls === undefined || Object.keys(tls).length === 0 || endpoint.startsWith('http:')
  return plain ? (request) => fetch(request) : sendOverTls(tls)
}

/** Whether what was refused is to be asked for again: the server cannot just now, or somebody is writing the same file. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 429 || status === 409
}

/** An answer with all of its body here: one that breaks off has not come, and is asked for again. */
async function wholeOf(response: Response): Promise<Response> {
  const { status, statusText, headers } = response
  return new Response(response.body && (await response.arrayBuffer()), { status, statusText, headers })
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
