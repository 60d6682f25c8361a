import type { Bus } from '@countersign/bus'
import { type Principal, verbs } from '@countersign/contracts'
import type { RegistryView } from '@countersign/bus'

const maxCached = 1000
/** Policy answers for its revision; asked again after this even when nothing seems to have changed. */
const maxAgeMs = 5000

interface Cached {
  tools: Map<string, Set<string>>
  policyRevision: number
  registryRevision: number
  at: number
}

/** Which tools a caller may see: what policy would not deny outright (I10). Asked of policy, remembered until something changes. */
export class VisibleTools {
  readonly #bus: Bus
  readonly #registry: RegistryView
  readonly #cache = new Map<string, Cached>()
  #policyRevision = 0
  #following: { stop: () => void } | undefined

  constructor(bus: Bus, registry: RegistryView) {
    this.#bus = bus
    this.#registry = registry
  }

  async start(): Promise<void> {
    const bucket = await this.#bus.bucket('policies')
    this.#following = await bucket.follow(() => (this.#policyRevision += 1))
  }

  stop(): void {
    this.#following?.stop()
  }

  /** True when a caller can see a tool; throws as `of` does. */
  async has(principal: Principal, server: string, tool: string): Promise<boolean> {
    return (await this.of(principal)).get(server)?.has(tool) ?? false
  }

  /**
   * The visible tools of a tenant's servers, by server name.
   *
   * @throws CountersignError `service_unavailable` when policy does not answer: nothing is shown unjudged (I7)
   */
  async of(principal: Principal): Promise<Map<string, Set<string>>> {
    const key = JSON.stringify([principal.tenant, principal.id, principal.groups])
    const cached = this.#cache.get(key)
    const policyRevision = this.#policyRevision
    const registryRevision = this.#registry.revision
    const fresh = cached?.policyRevision === policyRevision && cached.registryRevision === registryRevision
    if (cached && fresh && Date.now() - cached.at < maxAgeMs) return cached.tools
    const servers = this.#registry.serversOf(principal.tenant)
    const answer = await this.#bus.callApi(verbs.policy.visible, { principal, servers })
    const tools = new Map(Object.entries(answer.tools).map(([server, names]) => [server, new Set(names)]))
    this.#cache.delete(key)
    this.#cache.set(key, { tools, policyRevision, registryRevision, at: Date.now() })
    if (this.#cache.size > maxCached) this.#cache.delete(this.#cache.keys().next().value!)
    return tools
  }
}
