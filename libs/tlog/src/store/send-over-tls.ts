import { request as requestHttps } from 'node:https'

/** Certificates, as PEM texts. */
export interface TlsCertificates {
  /** Trusted in place of those of the system. */
  ca?: string
  /** Of the client, with its key. */
  cert?: string
  key?: string
}

/** Answers without a body, which a `Response` must not have then. */
const bodiless = new Set([204, 205, 304])

/** Sends HTTPS requests with certificates of one's own, which `fetch` does not take. Redirects are not followed. */
export function sendOverTls(tls: TlsCertificates): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = Buffer.from(await request.arrayBuffer())
    const { method, signal } = request
    const headers = {
      ...Object.fromEntries(request.headers),
      ...(body.length > 0 ? { 'content-length': body.length } : {}),
    }
    return new Promise((resolve, reject) => {
      const sent = requestHttps(request.url, { ...tls, method, headers, signal })
      sent.once('error', reject)
      sent.once('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const status = response.statusCode ?? 0
          const init = { status, headers: headersOf(response.headersDistinct) }
          resolve(new Response(bodiless.has(status) ? null : Buffer.concat(chunks), init))
        })
      })
      sent.end(body)
    })
  }
}

function headersOf(distinct: NodeJS.Dict<string[]>): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(distinct)) for (const value of values) headers.append(name, value)
  return headers
}
