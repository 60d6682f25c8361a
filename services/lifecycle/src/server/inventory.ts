import { canonicalJson, type JsonObject, sha256, type ToolDefinition } from '@countersign/contracts'

const maxTools = 5000
const maxDefinitionBytes = 64 * 1024

/** One tool with the digest of its definition (SHA-256 over the RFC 8785 form). */
export interface OfferedTool {
  definition: ToolDefinition
  digest: string
}

/** What a server offers, within the limits. */
export interface Inventory {
  tools: Map<string, OfferedTool>
  /** What was left out and why; undefined when nothing was. */
  leftOut: string | undefined
}

/** Takes stock of what a server offers: 5,000 tools with definitions of up to 64 KiB; the rest is left out and not callable. */
export function takeInventory(definitions: readonly ToolDefinition[]): Inventory {
  const tools = new Map<string, OfferedTool>()
  const reasons: string[] = []
  for (const definition of definitions.slice(0, maxTools)) {
    try {
      const text = canonicalJson(definition as JsonObject)
      const bytes = Buffer.byteLength(text)
      if (bytes > maxDefinitionBytes)
        reasons.push(`${definition.name} (its definition has ${bytes} bytes, over ${maxDefinitionBytes})`)
      else tools.set(definition.name, { definition, digest: sha256(text) })
    } catch (error) {
      reasons.push(`${definition.name} (${(error as Error).message})`)
    }
  }
  if (definitions.length > maxTools) reasons.push(`${definitions.length - maxTools} tools after the first ${maxTools}`)
  return { tools, leftOut: reasons.length > 0 ? describe(reasons) : undefined }
}

function describe(reasons: readonly string[]): string {
  const more = reasons.length > 5 ? ` and ${reasons.length - 5} more` : ''
  return `left out: ${reasons.slice(0, 5).join(', ')}${more}`
}
