import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { connectBus, provision } from '@countersign/bus'
import { freePort } from '@countersign/config'
import { type BusUser, consumers } from '@countersign/contracts'
import { until } from '@countersign/testing'
import type { StateLayout } from '../../../deploy/local/src/state.ts'
import { Link } from './link.ts'
import { NatsNode } from './nats-node.ts'

/** Settings of the store. */
export interface NatsOptions {
  layout: StateLayout
  passwords: Record<BusUser, string>
  /** One server, or a cluster of three in which everything is kept three times. */
  nodes: 1 | 3
  defaultSync: boolean
  settableClock: boolean
  callsMaxBytes: number | undefined
  ackWaitMs: number | undefined
}

/** Nobody listens there: servers reach one another by the routes they are given, and only by those. */
const nowhere = '127.0.0.1:1'

/**
 * The store of a run: one nats-server, or three, which can be killed and started again. Everything that goes to or from one of three
 * goes through links, so that it can be cut off.
 */
export class Nats {
  readonly nodes: readonly NatsNode[]
  readonly #clientLinks: readonly Link[]
  readonly #routes: readonly { from: number; to: number; link: Link }[]
  readonly #options: NatsOptions

  private constructor(
    options: NatsOptions,
    nodes: readonly NatsNode[],
    clientLinks: readonly Link[] = [],
    routes: readonly { from: number; to: number; link: Link }[] = [],
  ) {
    this.nodes = nodes
    this.#clientLinks = clientLinks
    this.#routes = routes
    this.#options = options
  }

  /** Chooses ports and opens the links; starts nothing. */
  static async plan(options: NatsOptions): Promise<Nats> {
    const { layout, passwords, nodes, defaultSync, settableClock } = options
    if (nodes === 1) {
      const port = await freePort()
      const logFile = join(layout.logs, 'nats.log')
      const dir = join(layout.nats, 'nats')
      const node = new NatsNode({ name: 'nats', dir, port, passwords, logFile, defaultSync, settableClock })
      return new Nats(options, [node])
    }
    const all = [0, 1, 2]
    const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => ({ from, to })))
    const names = [
      ...all.flatMap((index) => [`client${index}`, `cluster${index}`, `link${index}`]),
      ...pairs.map(({ from, to }) => `${from}to${to}`),
    ]
    const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await freePort()] as const)))
    const clientLinks = all.map((index) => new Link(ports[`link${index}`]!, ports[`client${index}`]!))
    const routes = pairs.map((pair) => ({
      ...pair,
      link: new Link(ports[`${pair.from}to${pair.to}`]!, ports[`cluster${pair.to}`]!),
    }))
    const password = randomBytes(24).toString('base64url')
    const servers = all.map(
      (index) =>
        new NatsNode({
          name: `nats-${index}`,
          dir: join(layout.nats, `nats-${index}`),
          port: ports[`client${index}`]!,
          passwords,
          logFile: join(layout.logs, `nats-${index}.log`),
          defaultSync,
          settableClock,
          cluster: {
            name: 'countersign',
            host: '127.0.0.1',
            port: ports[`cluster${index}`]!,
            password,
            routes: routes.filter(({ from }) => from === index).map(({ link }) => `127.0.0.1:${link.port}`),
            advertise: nowhere,
          },
        }),
    )
    await Promise.all([...clientLinks, ...routes.map(({ link }) => link)].map((link) => link.open()))
    return new Nats(options, servers, clientLinks, routes)
  }

  /** The addresses of all servers, as services are given them. */
  get url(): string {
    const ports = this.#clientLinks.length > 0 ? this.#clientLinks : this.nodes
    return ports.map(({ port }) => `nats://127.0.0.1:${port}`).join(',')
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()))
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop(signal)))
  }

  /** Forgets what lies in the memory of a machine: its power failed. No server may be running. */
  async loseMemory(): Promise<void> {
    for (const node of this.nodes) await node.batchMemory.stop()
  }

  /** Ends everything, links too. */
  async end(): Promise<void> {
    await this.stop('SIGKILL')
    await this.loseMemory()
    for (const link of this.#linksOf()) link.close()
  }

  /** Cuts one server of three off from the others and from all clients. */
  isolate(node: NatsNode): void {
    for (const link of this.#linksOf(node)) link.cut()
  }

  heal(node: NatsNode): void {
    for (const link of this.#linksOf(node)) link.heal()
  }

  /** Makes the streams, as whoever starts the servers does, and gives policy's consumers the ack wait of the run. */
  async provision(): Promise<void> {
    const { callsMaxBytes, ackWaitMs, passwords } = this.#options
    const user = 'provisioner'
    const password = passwords.provisioner
    const replicas = this.nodes.length
    const settings = { url: this.url, user, password, replicas, ...(callsMaxBytes ? { callsMaxBytes } : {}) }
    // Three servers first have to agree on who leads them.
    await until(() => provision(settings).then(() => true), 'the streams can be made', 60_000)
    // Servers that keep a stream together gather batches in memory by themselves.
    if (replicas === 1) await this.nodes[0]!.batchMemory.start()
    if (ackWaitMs === undefined) return
    const bus = await connectBus({ url: this.url, user, password })
    for (const consumer of [consumers.policyRequested, consumers.policyVoted, consumers.policyExpired]) {
      await bus.ensureConsumer(consumer, { maxAckPending: 1000, ackWaitMs })
    }
    await bus.close()
  }

  /** All links, or those of one server. */
  #linksOf(node?: NatsNode): Link[] {
    if (!node) return [...this.#clientLinks, ...this.#routes.map(({ link }) => link)]
    const index = this.nodes.indexOf(node)
    const routes = this.#routes.filter(({ from, to }) => from === index || to === index)
    return [this.#clientLinks[index]!, ...routes.map(({ link }) => link)]
  }
}
