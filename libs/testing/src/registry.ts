import { type Bus, encode } from '@countersign/bus'
import {
  digestOf,
  type JsonObject,
  registryKeys,
  ServerEntry,
  type ServerLimits,
  type ToolDefinition,
  ToolEntry,
} from '@countersign/contracts'

/** A registry entry of a server that is up, for tests. */
export function serverEntryFixture(
  name: string,
  url: string,
  more: Partial<ServerEntry> = {},
  limits: Partial<ServerLimits> = {},
): ServerEntry {
  const now = new Date().toISOString()
  return ServerEntry.parse({
    name,
    tenant: 'default',
    documentDigest: digestOf({ name }),
    source: 'Url',
    transport: 'streamable-http',
    address: { url },
    era: '2025-11-25',
    limits,
    conditions: [],
    restarts: 0,
    toolCount: 0,
    quarantinedCount: 0,
    updatedAt: now,
    ...more,
  })
}

/** A pinned tool, for tests. */
export function toolEntryFixture(server: string, definition: ToolDefinition, more: Partial<ToolEntry> = {}): ToolEntry {
  const pinned = {
    definition,
    digest: digestOf(definition as unknown as JsonObject),
    at: new Date().toISOString(),
    by: 'lifecycle',
  }
  return ToolEntry.parse({ server, name: definition.name, state: 'pinned', pinned, ...more })
}

/** Writes a server and its tools into the registry, as lifecycle would. */
export async function register(
  lifecycle: Bus,
  entry: ServerEntry,
  tools: readonly (ToolDefinition | ToolEntry)[],
): Promise<void> {
  const bucket = await lifecycle.bucket('servers')
  for (const tool of tools) {
    const toolEntry = 'inputSchema' in tool ? toolEntryFixture(entry.name, tool) : tool
    await bucket.put(registryKeys.tool(entry.name, toolEntry.name), encode(toolEntry))
  }
  await bucket.put(registryKeys.server(entry.name), encode({ ...entry, toolCount: tools.length }))
}
