import { type JsonObject, prefixedName, type Principal, type ToolDefinition } from '@countersign/contracts'
import { statusTool } from '../call/status-tool.ts'
import type { RegistryView } from '@countersign/bus'
import type { VisibleTools } from './visible-tools.ts'
import { widenOutputSchema } from './widen-output-schema.ts'

const shown = new WeakMap<ToolDefinition, JsonObject>()

/**
 * The tools a caller sees: of one server with their own names, or of all with `<server>_` before them; sorted, so that the list
 * is the same each time. What policy would deny outright is not in it (I10).
 *
 * @param server one server's name, or undefined for all
 */
export async function listTools(
  registry: RegistryView,
  visible: VisibleTools,
  principal: Principal,
  server: string | undefined,
): Promise<JsonObject[]> {
  const allowed = await visible.of(principal)
  const servers = server === undefined ? registry.serversOf(principal.tenant) : [server]
  const tools: JsonObject[] = []
  for (const name of servers) {
    for (const tool of [...(allowed.get(name) ?? [])].toSorted()) {
      const definition = registry.tool(name, tool)?.pinned?.definition
      if (!definition) continue
      const own = show(definition)
      tools.push(server === undefined ? { ...own, name: prefixedName(name, tool) } : own)
    }
  }
  return [...tools, statusTool]
}

/** A definition as callers see it; made once a definition. */
function show(definition: ToolDefinition): JsonObject {
  let own = shown.get(definition)
  if (!own) {
    const { outputSchema, ...rest } = definition as ToolDefinition & JsonObject
    const widened = outputSchema === undefined ? undefined : widenOutputSchema(outputSchema)
    own = { ...rest, ...(widened === undefined ? {} : { outputSchema: widened }) } as JsonObject
    shown.set(definition, own)
  }
  return own
}
