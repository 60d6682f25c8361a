import type { JsonObject, ToolEntry } from '@countersign/contracts'
import { definitionChanges } from './definition-changes.ts'
import type { Inventory } from './inventory.ts'

/** What one look at a server's tools changes in the registry. */
export interface PinOutcome {
  /** Entries to write. */
  changed: ToolEntry[]
  /** Names of entries to remove: tools that were never pinned and are gone. */
  removed: string[]
  /** How many were pinned just now. */
  pinned: number
  /** What to tell of single tools. */
  news: { tool: string; message: string; changes?: NonNullable<ToolEntry['offered']>['changes'] }[]
}

/**
 * Compares what a server offers with what is pinned. On first sight everything is pinned; after that a definition that is not the
 * pinned one is quarantined until somebody accepts it, whether it was changed or added (I13). A definition that cannot be used
 * quarantines its tool until the server mends it.
 *
 * @param firstSight whether this server's tools are seen for the first time ever
 */
export function pin(
  server: string,
  known: ReadonlyMap<string, ToolEntry>,
  { tools: offered, refused }: Pick<Inventory, 'tools' | 'refused'>,
  { firstSight, at, by }: { firstSight: boolean; at: string; by: string },
): PinOutcome {
  const outcome: PinOutcome = { changed: [], removed: [], pinned: 0, news: [] }
  for (const [name, { definition, digest }] of offered) {
    const entry = known.get(name)
    if (!entry && firstSight) {
      outcome.changed.push({ server, name, state: 'pinned', pinned: { definition, digest, at, by } })
      outcome.pinned += 1
    } else if (entry?.pinned?.digest === digest) {
      if (entry.state === 'pinned') continue
      outcome.changed.push({ ...withoutOffer(entry), state: 'pinned' })
      outcome.news.push({ tool: name, message: 'the tool is again as it was pinned; it can be called' })
    } else if (entry?.state !== 'quarantined' || entry.offered?.digest !== digest) {
      const before = entry?.pinned?.definition
      const changes = definitionChanges(before as JsonObject | undefined, definition as JsonObject)
      const rest = entry ? withoutOffer(entry) : { server, name }
      outcome.changed.push({ ...rest, state: 'quarantined', offered: { definition, digest, at, changes } })
      const what = before ? 'the definition of the tool changed' : 'the tool was added'
      outcome.news.push({ tool: name, message: `${what}; it cannot be called until the change is accepted`, changes })
    }
  }
  for (const [name, problem] of refused) {
    const entry = known.get(name)
    if (entry?.state === 'quarantined' && entry.problem === problem) continue
    const rest = entry ? withoutOffer(entry) : { server, name }
    outcome.changed.push({ ...rest, state: 'quarantined', problem })
    const message = `the definition of the tool cannot be used (${problem}); it cannot be called until the server mends it`
    outcome.news.push({ tool: name, message })
  }
  for (const [name, entry] of known) {
    if (offered.has(name) || refused.has(name) || entry.state === 'absent') continue
    if (entry.pinned) outcome.changed.push({ ...withoutOffer(entry), state: 'absent' })
    else outcome.removed.push(name)
    outcome.news.push({ tool: name, message: 'the server does not offer the tool any more' })
  }
  return outcome
}

/** An entry without what the server said last. */
function withoutOffer({ offered: _offered, problem: _problem, ...rest }: ToolEntry): ToolEntry {
  return rest
}
