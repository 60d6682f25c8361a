import type { ServerResponse } from 'node:http'
import { formatSse } from '../wire/sse.ts'

/** What may wait for a listener that does not read. */
const maxWaitingBytes = 1024 * 1024
const keepAliveMs = 30_000

/** The open GET streams, one a session: they carry what the child says outside of any request. */
export class Listeners {
  readonly #bySession = new Map<string, ServerResponse>()
  #keepAlive: NodeJS.Timeout | undefined

  /** Opens a session's stream; an older one of the same session ends. */
  open(session: string, response: ServerResponse): void {
    this.close(session)
    this.#bySession.set(session, response)
    response.once('close', () => {
      if (this.#bySession.get(session) === response) this.#bySession.delete(session)
    })
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.flushHeaders()
    // A comment now and then shows both sides that the other is still there.
    this.#keepAlive ??= setInterval(() => this.#write(': still here\n\n'), keepAliveMs).unref()
  }

  send(message: string): void {
    this.#write(formatSse({ event: 'message', data: message }))
  }

  close(session: string): void {
    this.#bySession.get(session)?.end()
    this.#bySession.delete(session)
  }

  closeAll(): void {
    clearInterval(this.#keepAlive)
    for (const session of this.#bySession.keys()) this.close(session)
  }

  #write(text: string): void {
    for (const response of this.#bySession.values()) {
      if (response.writableLength > maxWaitingBytes) response.destroy()
      else response.write(text)
    }
  }
}
