import {
  Condition,
  DefinitionChange,
  type PoliciesView,
  ServerEntry,
  type ToolEntry,
  toolHints,
} from '@countersign/contracts'
import type { RegistryView } from '@countersign/bus'
import { z } from 'zod'
import { coveringPolicies } from './covering-policies.ts'

const { digest, at } = { digest: ServerEntry.shape.documentDigest, at: ServerEntry.shape.updatedAt }

/** A tool server in a list. What is not named here (a token file, for one) is not sent (I9). */
export const ServerItem = z.object({
  ...ServerEntry.pick({
    name: true,
    tenant: true,
    source: true,
    transport: true,
    era: true,
    protocolVersion: true,
    serverInfo: true,
    limits: true,
    restarts: true,
    pid: true,
    toolCount: true,
    quarantinedCount: true,
    leftOut: true,
    lastProbeAt: true,
    updatedAt: true,
  }).shape,
  /** Every condition holds. */
  ready: z.boolean(),
  conditions: z.array(Condition),
  url: z.string().optional(),
  /** Policies in force that mention it; where none does, every call is denied. Absent while policy does not answer. */
  policies: z.array(z.string()).optional(),
})
export type ServerItem = z.infer<typeof ServerItem>

export const ToolItem = z.object({
  name: z.string(),
  state: z.enum(['pinned', 'quarantined', 'absent']),
  description: z.string().optional(),
  hints: z
    .object({ readOnly: z.boolean(), destructive: z.boolean(), idempotent: z.boolean(), openWorld: z.boolean() })
    .optional(),
  /** The definition in force; null for a tool that was added after the first pin and not accepted. */
  digest: digest.nullable(),
  pinnedAt: at.optional(),
  pinnedBy: z.string().optional(),
  /** What the server says now, where that is not what is pinned: accept it by its digest. */
  offered: z.object({ digest, at, changes: z.array(DefinitionChange) }).optional(),
  /** Why what the server says now cannot be used; then there is nothing to accept. */
  problem: z.string().optional(),
})
export type ToolItem = z.infer<typeof ToolItem>

/** One server with everything it offers. */
export const ServerAnswer = z.object({
  ...ServerItem.shape,
  instructions: z.string().optional(),
  tools: z.array(ToolItem),
})
export type ServerAnswer = z.infer<typeof ServerAnswer>

/** The servers of a tenant, by name. */
export function serversOf(registry: RegistryView, tenant: string): ServerEntry[] {
  return registry.serversOf(tenant).flatMap((name) => registry.server(tenant, name) ?? [])
}

/** True when every condition of a server holds. */
export function isReady({ conditions }: Pick<ServerEntry, 'conditions'>): boolean {
  return conditions.length > 0 && conditions.every(({ status }) => status === 'True')
}

export function serverItem(entry: ServerEntry, inForce: PoliciesView | undefined): ServerItem {
  const { address, documentDigest: _, instructions: __, ...rest } = entry
  return {
    ...rest,
    ready: isReady(entry),
    ...(address ? { url: withoutCredentials(address.url) } : {}),
    ...(inForce ? { policies: coveringPolicies(inForce, entry) } : {}),
  }
}

export function serverAnswer(
  entry: ServerEntry,
  tools: Iterable<ToolEntry>,
  inForce: PoliciesView | undefined,
): ServerAnswer {
  const { instructions } = entry
  return {
    ...serverItem(entry, inForce),
    ...(instructions === undefined ? {} : { instructions }),
    tools: Array.from(tools, toolItem).toSorted((a, b) => a.name.localeCompare(b.name)),
  }
}

function toolItem({ name, state, pinned, offered, problem }: ToolEntry): ToolItem {
  const definition = pinned?.definition ?? offered?.definition
  const { description } = definition ?? {}
  return {
    name,
    state,
    digest: pinned?.digest ?? null,
    ...(description === undefined ? {} : { description }),
    ...(definition ? { hints: toolHints(definition) } : {}),
    ...(pinned ? { pinnedAt: pinned.at, pinnedBy: pinned.by } : {}),
    ...(offered ? { offered: { digest: offered.digest, at: offered.at, changes: offered.changes } } : {}),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** A URL may hold a password, or a key in its query (I9). */
function withoutCredentials(address: string): string {
  const { origin, pathname } = new URL(address)
  return origin + pathname
}
