import { connectBus, provision } from '@countersign/bus'
import { findNatsServer, type NatsServer, startNatsServer } from '@countersign/bus/server'
import { type BusUser, consumers } from '@countersign/contracts'

/** The nats-server of a cluster, which can be killed and started again on its store. */
export class Nats {
  readonly #options: { dir: string; port: number; passwords: Record<BusUser, string> }
  #server: NatsServer | undefined

  constructor(options: { dir: string; port: number; passwords: Record<BusUser, string> }) {
    this.#options = options
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#options.port}`
  }

  get pid(): number {
    return this.#server!.process.pid!
  }

  async start(): Promise<void> {
    this.#server = await startNatsServer({ binary: await findNatsServer(), ...this.#options })
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#server?.stop(signal)
  }

  /** Makes the streams, and gives policy's consumers the ack wait of the run. */
  async provision(callsMaxBytes: number | undefined, ackWaitMs: number | undefined): Promise<void> {
    const user = 'provisioner'
    const password = this.#options.passwords.provisioner
    await provision({ url: this.url, user, password, ...(callsMaxBytes ? { callsMaxBytes } : {}) })
    if (ackWaitMs === undefined) return
    const bus = await connectBus({ url: this.url, user, password })
    for (const consumer of [consumers.policyRequested, consumers.policyVoted, consumers.policyExpired]) {
      await bus.ensureConsumer(consumer, { maxAckPending: 1000, ackWaitMs })
    }
    await bus.close()
  }
}
