import type { Bucket } from '@countersign/bus'
import { parseRegistryKey, ServerEntry, ToolEntry } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'

/** One server as the registry has it: its entry, and its tools by name. */
export interface KnownServer {
  entry: ServerEntry | undefined
  tools: Map<string, ToolEntry>
  /** Something of it could not be read, so it is not known what was pinned. */
  damaged: boolean
}

/**
 * Reads the whole registry: pins survive restarts in it (I12). An entry that cannot be read is left out, and
 * what its server offers then counts as new and is quarantined (I7, I13).
 */
export async function loadRegistry(bucket: Bucket, log: Logger): Promise<Map<string, KnownServer>> {
  const servers = new Map<string, KnownServer>()
  const following = await bucket.follow(({ key, value }) => {
    const at = parseRegistryKey(key)
    if (!at || value === undefined) return
    const known = servers.get(at.server) ?? { entry: undefined, tools: new Map<string, ToolEntry>(), damaged: false }
    servers.set(at.server, known)
    try {
      const json: unknown = JSON.parse(new TextDecoder().decode(value))
      if (at.kind === 'server') known.entry = ServerEntry.parse(json)
      else {
        const tool = ToolEntry.parse(json)
        known.tools.set(tool.name, tool)
      }
    } catch (error) {
      known.damaged = true
      log.error({ key, err: error }, 'an entry of the registry cannot be read')
    }
  })
  following.stop()
  return servers
}
