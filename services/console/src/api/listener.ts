import type { AddressInfo } from 'node:net'
import { type Part, RequestsInHand } from '@countersign/runtime'
import type { FastifyInstance } from 'fastify'
import { createApp } from './create-app.ts'
import type { ApiContext } from './route.ts'

/** Serves the API over HTTP; stopping ends the live feeds first, which would keep the process, and waits for requests in hand. */
export class Listener implements Part {
  readonly name = 'listener'
  readonly #context: ApiContext
  readonly #address: { host: string; port: number }
  #app: FastifyInstance | undefined
  #inHand: RequestsInHand | undefined

  constructor(context: ApiContext, address: { host: string; port: number }) {
    this.#context = context
    this.#address = address
  }

  async start(): Promise<void> {
    this.#app = await createApp(this.#context)
    this.#inHand = new RequestsInHand(this.#app.server)
    await this.#app.listen(this.#address)
    this.#context.log.info({ port: this.port }, 'the console is served')
  }

  /** The port in use. */
  get port(): number {
    return (this.#app!.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    await this.#context.feed.stop()
    await this.#inHand?.finish(() => this.#app!.close())
  }
}
