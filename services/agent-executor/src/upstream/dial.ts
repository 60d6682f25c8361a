import type { CredentialRef, ServerEntry, ServerLimits } from '@countersign/contracts'
import { Upstream } from '@countersign/mcp'
import { ServerSecrets } from './server-secrets.ts'

/** A tool server that can be called. */
export interface Dialed {
  upstream: Upstream
  limits: ServerLimits
  /** What it is reached with and works with, by reference. */
  credentials: CredentialRef[] | undefined
}

/** Keeps one connection a tool server, made anew when the registry says that the server is another one now. */
export class Dialer {
  readonly #dialed = new Map<string, Dialed & { key: string }>()
  /** Not those of a connection: what was secret once is not shown later either (I9). */
  readonly #secrets = new ServerSecrets()

  /** Takes a change of the registry. */
  apply(name: string, entry: ServerEntry | undefined): void {
    const previous = this.#dialed.get(name)
    const key = entry?.address && JSON.stringify([entry.address, entry.era, entry.limits, entry.restarts, entry.pid])
    if (previous?.key === key) return
    if (previous) {
      this.#dialed.delete(name)
      // Calls in hand end as they may; new ones go to the new connection.
      void previous.upstream.close()
    }
    if (!entry?.address || key === undefined) return
    const { url, tokenFile, secretsFile, credentials } = entry.address
    this.#dialed.set(name, {
      key,
      limits: entry.limits,
      credentials,
      upstream: new Upstream({
        url,
        clientInfo: { name: 'countersign-agent-executor', version: '0.1.0' },
        maxResultBytes: entry.limits.maxResultBytes,
        timeoutMs: entry.limits.callTimeoutMs,
        maxConnections: entry.limits.concurrency,
        ...(entry.era ? { era: entry.era } : {}),
        tokenFile,
        secretsFile,
        secrets: this.#secrets.of(name),
      }),
    })
  }

  of(server: string): Dialed | undefined {
    return this.#dialed.get(server)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dialed.values()].map(({ upstream }) => upstream.close()))
  }
}
