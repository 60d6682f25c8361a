import { KnownSecrets } from '@countersign/mcp'

const maxServers = 10_000

/**
 * What is secret about each server, and was: over its connections and runs, and while it is out of the registry, as when its document
 * is moved (I9). Kept for the 10,000 servers that were connected to last.
 */
export class ServerSecrets {
  readonly #known = new Map<string, KnownSecrets>()

  /** The secrets of a server that is about to be connected to. */
  of(server: string): KnownSecrets {
    const secrets = this.#known.get(server) ?? new KnownSecrets()
    this.#known.delete(server)
    this.#known.set(server, secrets)
    if (this.#known.size > maxServers) this.#known.delete(this.#known.keys().next().value!)
    return secrets
  }
}
