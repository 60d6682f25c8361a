import type { ServerResponse } from 'node:http'
import { formatSse } from '../wire/sse.ts'

/** What may wait for a client that does not read its stream. */
const maxWaitingBytes = 1024 * 1024

/** The answer to one POST: plain JSON, or an event stream once there is something to say before the answer. */
export class Exchange {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** False once the client is gone or has its answer. */
  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed
  }

  /** Sends a notification ahead of the answer; dropped for a client that does not keep up, as progress may be. */
  notify(message: string): void {
    if (!this.open || this.#response.writableLength > maxWaitingBytes) return
    this.#startStream()
    this.#response.write(formatSse({ event: 'message', data: message }))
  }

  answer(message: string): void {
    if (!this.open) return
    if (this.#response.headersSent) this.#response.end(formatSse({ event: 'message', data: message }))
    else this.#response.writeHead(200, { 'content-type': 'application/json' }).end(message)
  }

  /** Ends without an answer, in good order: for a request that was withdrawn. */
  end(): void {
    if (!this.open) return
    this.#startStream()
    this.#response.end()
  }

  /** Breaks the connection, so that nobody takes the end for an answer. */
  break(): void {
    this.#response.destroy()
  }

  #startStream(): void {
    if (this.#response.headersSent) return
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  }
}
