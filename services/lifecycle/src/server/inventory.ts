import { setImmediate } from 'node:timers/promises'
import { canonicalJson, hasOwnName, type JsonObject, sha256, type ToolDefinition } from '@countersign/contracts'
import type { ToolList } from '@countersign/mcp'
import type { DefinitionChecks } from './check-definition.ts'

const maxTools = 5000
/** Tools that cannot be used and are kept track of one by one, besides those that are pinned. */
const maxRefused = 100
const maxDefinitionBytes = 64 * 1024
const maxTold = 5
/** How long other servers wait while one's tools are looked at. */
const maxBlockMs = 20

/** One tool with the digest of its definition (SHA-256 over the RFC 8785 form). */
export interface OfferedTool {
  definition: ToolDefinition
  digest: string
}

/** What a server offers, within the limits. */
export interface Inventory {
  tools: Map<string, OfferedTool>
  /** Tools whose definition cannot be used, and why. */
  refused: Map<string, string>
  /** What was left out and why, in words; undefined when nothing was. */
  leftOut: string | undefined
}

/**
 * Takes stock of what a server offers: 5,000 tools with definitions of up to 64 KiB that can be used. Others are refused one by one, up to 100;
 * what is over these numbers is left out, but for tools that are pinned: left out they would be taken for gone.
 *
 * @param pinned names of the tools that are pinned
 */
export async function takeInventory(
  server: string,
  { tools: definitions, invalid, moreInvalid }: ToolList,
  pinned: ReadonlySet<string>,
  checks: DefinitionChecks,
): Promise<Inventory> {
  const tools = new Map<string, OfferedTool>()
  const refused = new Map<string, string>()
  let more = moreInvalid
  let since = performance.now()
  const refuse = (name: string, reason: string) => {
    if (refused.size < maxRefused || pinned.has(name)) refused.set(name, reason)
    else more += 1
  }
  for (const { name, reason } of invalid) refuse(name, reason)
  for (const definition of definitions.slice(0, maxTools)) {
    const offered = hasOwnName(server, definition.name)
      ? { problem: "its name is that of Countersign's own tool; have it renamed" }
      : offer(definition, checks)
    if ('problem' in offered) refuse(definition.name, offered.problem)
    else tools.set(definition.name, offered)
    // Looking at a schema for the first time takes milliseconds, and a server may have thousands.
    if (performance.now() - since > maxBlockMs) {
      await setImmediate()
      since = performance.now()
    }
  }
  const beyond = definitions.slice(maxTools)
  const pinnedBeyond = beyond.filter(({ name }) => pinned.has(name))
  for (const { name } of pinnedBeyond) refuse(name, `it comes after the first ${maxTools} tools`)
  const overlooked = beyond.length - pinnedBeyond.length
  const reasons = Array.from(refused, ([name, reason]) => `${name} (${reason})`)
  if (reasons.length + more > maxTold) reasons.splice(maxTold, Infinity, `${reasons.length + more - maxTold} more`)
  if (overlooked > 0) reasons.push(`${overlooked} tools after the first ${maxTools}`)
  return { tools, refused, leftOut: reasons.length > 0 ? reasons.join(', ') : undefined }
}

function offer(definition: ToolDefinition, checks: DefinitionChecks): OfferedTool | { problem: string } {
  try {
    const text = canonicalJson(definition as JsonObject)
    const bytes = Buffer.byteLength(text)
    if (bytes > maxDefinitionBytes) return { problem: `its definition has ${bytes} bytes, over ${maxDefinitionBytes}` }
    const problem = checks.problemOf(definition)
    return problem === undefined ? { definition, digest: sha256(text) } : { problem }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}
