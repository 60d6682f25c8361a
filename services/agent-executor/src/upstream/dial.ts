import { readFileSync } from 'node:fs'
import type { ServerEntry, ServerLimits } from '@countersign/contracts'
import { Upstream } from '@countersign/mcp'
import type { Logger } from '@countersign/telemetry'

/** A tool server that can be called. */
export interface Dialed {
  upstream: Upstream
  limits: ServerLimits
  /** Credentials we send to it; never to be seen in what comes back. */
  secrets: readonly string[]
}

/** Keeps one connection a tool server, made anew when the registry says that the server is another one now. */
export class Dialer {
  readonly #log: Logger
  readonly #dialed = new Map<string, Dialed & { key: string }>()

  constructor(log: Logger) {
    this.#log = log
  }

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
    const { url, tokenFile } = entry.address
    this.#dialed.set(name, {
      key,
      limits: entry.limits,
      secrets: tokenFile === undefined ? [] : this.#readSecret(name, tokenFile),
      upstream: new Upstream({
        url,
        clientInfo: { name: 'countersign-agent-executor', version: '0.1.0' },
        maxResultBytes: entry.limits.maxResultBytes,
        timeoutMs: entry.limits.callTimeoutMs,
        maxConnections: entry.limits.concurrency,
        ...(entry.era ? { era: entry.era } : {}),
        ...(tokenFile === undefined ? {} : { tokenFile }),
      }),
    })
  }

  of(server: string): Dialed | undefined {
    return this.#dialed.get(server)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dialed.values()].map(({ upstream }) => upstream.close()))
  }

  #readSecret(server: string, tokenFile: string): string[] {
    try {
      const secret = readFileSync(tokenFile, 'utf8').trim()
      return secret.length >= 8 ? [secret] : []
    } catch (error) {
      this.#log.error({ server, err: error }, 'the token file of a server cannot be read')
      return []
    }
  }
}
