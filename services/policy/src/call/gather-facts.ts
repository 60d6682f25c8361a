import { digestOf, type Json, type JsonObject, type Requested } from '@countersign/contracts'
import type { Facts } from '../rules/facts.ts'
import type { PolicyContext } from './context.ts'

/** Deeper than any real argument, and shallow enough for everything that walks them. */
const maxDepth = 64

/**
 * Gathers what a decision on a call is made on, as things are now.
 *
 * @throws Error when arguments kept in the object store cannot be fetched
 */
export async function gatherFacts(context: PolicyContext, requested: Requested): Promise<Facts> {
  const { bus, registry, checks } = context
  // Only of the caller's tenant: another's server is not there at all.
  const known = registry.server(requested.tenant, requested.server)
  const facts: Facts = {
    now: context.now(),
    call: requested,
    policies: context.policies(),
    audit: context.audit(),
    tool: known && registry.tool(requested.server, requested.tool),
    arguments: { problem: 'they were not looked at' },
    checkArguments: checks.check,
  }
  // What is fetched for nobody is not fetched: a call past its deadline is refused before its arguments matter.
  if (facts.now.getTime() < Date.parse(requested.deadline)) {
    facts.arguments = proven(await bus.payloads.fetch(requested.arguments), requested.digest)
  }
  return facts
}

/** The arguments if they are those of the digest (I3). */
function proven(value: JsonObject, digest: string): Facts['arguments'] {
  if (!isWithin(value, maxDepth)) return { problem: `they are nested more than ${maxDepth} deep; send flatter ones` }
  try {
    if (digestOf(value) === digest) return { value }
  } catch (error) {
    return { problem: `${(error as Error).message}; send plain JSON` }
  }
  return { problem: 'they are not those that the digest names; ask again' }
}

function isWithin(value: Json, depth: number): boolean {
  if (value === null || typeof value !== 'object') return true
  if (depth === 0) return false
  return Object.values(value).every((member) => isWithin(member, depth - 1))
}
