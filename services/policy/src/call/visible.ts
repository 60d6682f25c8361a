import { type Principal, type ToolEntry, toolHints } from '@countersign/contracts'
import { CelPrincipal, CelTool, type Policy } from '@countersign/policies'
import { couldAllow } from '../rules/could-allow.ts'
import type { PolicyContext } from './context.ts'

/** Answers kept; one holds what was judged of each tool of a server. */
const maxCached = 200

interface Cached {
  policyRevision: string
  registryRevision: number
  /** By the registry's own entry: an entry that was not replaced need not be judged again. */
  judged: Map<ToolEntry, boolean>
  names: string[]
}

/** Answers `api.policy.visible`: which tools of which servers a principal could be allowed to call with some arguments (I10). */
export class VisibleTools {
  readonly #context: Pick<PolicyContext, 'registry' | 'policies'>
  readonly #cache = new Map<string, Cached>()

  constructor(context: Pick<PolicyContext, 'registry' | 'policies'>) {
    this.#context = context
  }

  of(principal: Principal, servers: readonly string[]): { revision: string | null; tools: Record<string, string[]> } {
    const revision = this.#context.policies()?.revision ?? null
    return { revision, tools: Object.fromEntries(servers.map((server) => [server, this.#ofServer(principal, server)])) }
  }

  #ofServer(principal: Principal, server: string): string[] {
    const { registry } = this.#context
    const inForce = this.#context.policies()
    // Without policy everything is denied, so nothing is shown (I7).
    if (!inForce || !registry.server(principal.tenant, server)) return []
    const policies = inForce.policies.filter((policy) => policy.covers({ tenant: principal.tenant, server }))
    const key = JSON.stringify([server, principal.tenant, ...whoMatters(policies, principal)])
    const cached = this.#cache.get(key)
    const last = cached?.policyRevision === inForce.revision ? cached : undefined
    if (last?.registryRevision === registry.revision) return last.names
    const isVisible = couldAllow(policies, { principal: new CelPrincipal(principal), server, method: 'tools/call' })
    const judge = (entry: ToolEntry): boolean => {
      if (entry.state !== 'pinned' || !entry.pinned) return false
      return isVisible(new CelTool({ name: entry.name, server, ...toolHints(entry.pinned.definition) }))
    }
    const judged = new Map<ToolEntry, boolean>()
    for (const entry of registry.toolsOf(server)) judged.set(entry, last?.judged.get(entry) ?? judge(entry))
    const names = [...judged].flatMap(([{ name }, visible]) => (visible ? [name] : [])).toSorted()
    this.#cache.delete(key)
    this.#cache.set(key, { policyRevision: inForce.revision, registryRevision: registry.revision, judged, names })
    if (this.#cache.size > maxCached) this.#cache.delete(this.#cache.keys().next().value!)
    return names
  }
}

/** Who asks, as far as any rule looks at it: where none does, everybody of the tenant sees the same. */
function whoMatters(policies: readonly Policy[], { id, groups }: Principal): unknown[] {
  const looked = policies.some(({ rules }) => rules.some(({ condition }) => condition.names('principal')))
  return looked ? [id, groups.toSorted()] : []
}
