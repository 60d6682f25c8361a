import { once } from 'node:events'
import { connect } from 'node:net'
import type { ServerEntry } from '@countersign/contracts'
import { type ServerHello, type ToolList, Upstream } from '@countersign/mcp'
import type { DefinitionChecks } from './check-definition.ts'
import { type Inventory, takeInventory } from './inventory.ts'

/** What to probe. */
export interface ProbeTarget {
  /** The server's name. */
  server: string
  address: NonNullable<ServerEntry['address']>
  /** Known for servers behind the bridge. */
  era?: NonNullable<ServerEntry['era']>
  maxResultBytes: number
  /** Names of the tools that are pinned by now. */
  pinned: () => ReadonlySet<string>
  checks: DefinitionChecks
}

/** What a probe found. */
export type ProbeOutcome =
  /** Nobody listens there. */
  | { kind: 'unreachable'; message: string }
  /** Somebody listens, but the handshake or the list of tools failed. */
  | { kind: 'failed'; message: string }
  | { kind: 'verified'; hello: ServerHello; inventory: Inventory }

const connectTimeoutMs = 3000
const answerTimeoutMs = 10_000
const noTools: ToolList = { tools: [], invalid: [], moreInvalid: 0 }

/**
 * Probes a server as a client would use it: connects, shakes hands and takes the full inventory. Never throws.
 *
 * @param keep called with the connection of a successful probe if somebody wants to go on with it; else it is closed
 */
export async function probe(target: ProbeTarget, keep?: (upstream: Upstream) => void): Promise<ProbeOutcome> {
  const { server, address, era, maxResultBytes, pinned, checks } = target
  const refused = await tryConnect(new URL(address.url))
  if (refused !== undefined) return { kind: 'unreachable', message: refused }
  const upstream = new Upstream({
    url: address.url,
    clientInfo: { name: 'countersign-lifecycle', version: '0.1.0' },
    maxResultBytes,
    timeoutMs: answerTimeoutMs,
    tokenFile: address.tokenFile,
    // What a server says of itself goes into the registry (I9).
    secretsFile: address.secretsFile,
    ...(era === undefined ? {} : { era }),
  })
  let kept = false
  try {
    const hello = await upstream.connect()
    const names = pinned()
    const tools = hello.capabilities.tools === undefined ? noTools : await upstream.listTools(names)
    const inventory = await takeInventory(server, tools, names, checks)
    if (keep) {
      kept = true
      keep(upstream)
    }
    return { kind: 'verified', hello, inventory }
  } catch (error) {
    return { kind: 'failed', message: (error as Error).message }
  } finally {
    if (!kept) await upstream.close()
  }
}

/** Why no connection can be made; undefined when it can. */
async function tryConnect({ hostname, port, protocol }: URL): Promise<string | undefined> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) })
    return undefined
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    return `nobody answers at ${host}:${port || protocol}: ${code ?? name}`
  } finally {
    socket.destroy()
  }
}
