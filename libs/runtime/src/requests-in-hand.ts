import type { Server } from 'node:http'

const sweepMs = 20

/** Counts the requests that a server is answering, so that it ends once they are answered, and no later. */
export class RequestsInHand {
  readonly #server: Server
  #count = 0

  /** @param server one that does not listen yet */
  constructor(server: Server) {
    this.#server = server
    server.on('request', (_request, response) => {
      this.#count += 1
      response.once('close', () => (this.#count -= 1))
    })
  }

  /**
   * Waits for those in hand while the server closes.
   *
   * @param close has it take no new ones; resolves when it has no connection any more
   */
  async finish(close: () => Promise<void>): Promise<void> {
    // Connections on which nothing was asked yet, or which were kept alive, would hold it open.
    const sweep = setInterval(() => {
      if (this.#count === 0) this.#server.closeAllConnections()
    }, sweepMs)
    try {
      await close()
    } finally {
      clearInterval(sweep)
    }
  }
}
