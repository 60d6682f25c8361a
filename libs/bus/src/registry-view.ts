import { parseRegistryKey, ServerEntry, ToolEntry } from '@countersign/contracts'
import type { Bus } from './bus.ts'

/** The registry in memory, followed from the bucket that lifecycle writes. */
export class RegistryView {
  readonly #servers = new Map<string, ServerEntry>()
  readonly #tools = new Map<string, Map<string, ToolEntry>>()
  readonly #names = new Map<string, string>()
  #following: { stop: () => void } | undefined
  /** Grows with every change, for caches. */
  revision = 0

  /** @param onServer told of each server that changed or, with undefined, went away */
  async start(bus: Bus, onServer?: (name: string, entry: ServerEntry | undefined) => void): Promise<void> {
    const bucket = await bus.bucket('servers')
    this.#following = await bucket.follow(({ key, value }) => {
      this.apply(key, value)
      const place = parseRegistryKey(key)
      if (place?.kind === 'server') onServer?.(place.server, this.#servers.get(place.server))
    })
  }

  stop(): void {
    this.#following?.stop()
  }

  /** Takes one change of the bucket; what is not valid is left out, as if it were not there (I7). */
  apply(key: string, value: Uint8Array | undefined): void {
    const place = parseRegistryKey(key)
    if (!place) return
    this.revision += 1
    const json = value === undefined ? undefined : parse(value)
    if (place.kind === 'server') {
      const entry = ServerEntry.safeParse(json)
      if (entry.success) this.#servers.set(place.server, entry.data)
      else this.#servers.delete(place.server)
      return
    }
    const tools = this.#tools.get(place.server) ?? new Map<string, ToolEntry>()
    this.#tools.set(place.server, tools)
    const previous = this.#names.get(key)
    if (previous !== undefined) tools.delete(previous)
    const entry = ToolEntry.safeParse(json)
    if (!entry.success) {
      this.#names.delete(key)
      return
    }
    this.#names.set(key, entry.data.name)
    tools.set(entry.data.name, entry.data)
  }

  /** A server of a tenant; servers of other tenants are not there. */
  server(tenant: string, name: string): ServerEntry | undefined {
    const entry = this.#servers.get(name)
    return entry?.tenant === tenant ? entry : undefined
  }

  /** Names of a tenant's servers, sorted. */
  serversOf(tenant: string): string[] {
    return [...this.#servers.values()]
      .filter((entry) => entry.tenant === tenant)
      .map(({ name }) => name)
      .toSorted()
  }

  /** Every tool of a server, whatever its state. */
  toolsOf(server: string): Iterable<ToolEntry> {
    return this.#tools.get(server)?.values() ?? []
  }

  tool(server: string, name: string): ToolEntry | undefined {
    return this.#tools.get(server)?.get(name)
  }
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(value))
  } catch {
    return undefined
  }
}
