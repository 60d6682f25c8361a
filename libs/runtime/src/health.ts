import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a service expects to be true before it takes work, by name. */
export class Expectations {
  readonly #entries = new Map<string, { met: boolean; why?: string | undefined }>()

  /** Adds an expectation, not met yet; the function returned says whether it is, and if not, why. */
  expect(name: string): (met: boolean, why?: string) => void {
    this.#entries.set(name, { met: false })
    return (met, why) => this.#entries.set(name, { met, why })
  }

  /** Names of what is still awaited. */
  get awaited(): string[] {
    return this.#unmet.map(([name]) => name)
  }

  /** Why, by name, where it is known. */
  get why(): Record<string, string> {
    return Object.fromEntries(this.#unmet.flatMap(([name, { why }]) => (why === undefined ? [] : [[name, why]])))
  }

  get #unmet() {
    return [...this.#entries].filter(([, { met }]) => !met)
  }
}

/** Serves `/livez`, `/readyz` (what is still awaited, by name, and why) and `/metrics`. */
export class HealthServer {
  readonly #server: Server

  constructor(source: {
    awaited: () => string[]
    why?: () => Record<string, string>
    metricsText: () => Promise<string>
  }) {
    this.#server = createServer((request, response) => {
      const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
        response.writeHead(status, { 'content-type': type }).end(body)
      if (request.method !== 'GET') return answer(405, 'only GET is served here\n')
      switch (request.url?.split('?')[0]) {
        case '/livez':
          return answer(200, 'ok\n')
        case '/readyz': {
          const awaited = source.awaited()
          const body = { awaited, why: source.why?.() ?? {} }
          return answer(awaited.length === 0 ? 200 : 503, `${JSON.stringify(body)}\n`, 'application/json')
        }
        case '/metrics':
          return source.metricsText().then(
            (text) => answer(200, text, 'text/plain; version=0.0.4; charset=utf-8'),
            () => answer(500, 'metrics could not be collected\n'),
          )
        default:
          return answer(404, 'served here: /livez /readyz /metrics\n')
      }
    })
  }

  /** Listens; resolves to the port in use. */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen(port, host, resolve)
    await promise
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
