import type { RegistryView } from '@countersign/bus'
import { CountersignError, type JsonObject, type Principal } from '@countersign/contracts'
import { checkParamHeaders, readParamHeaders } from '@countersign/mcp'
import type { VisibleTools } from '../catalog/visible-tools.ts'
import type { Target } from './resolve-target.ts'

/**
 * Checks the arguments that a modern caller sends a second time, in `Mcp-Param-*` headers: what stands before the gateway may have
 * routed by them, so they must say what will be run (I3). Nothing is said of a tool that the caller cannot see (I10); policy denies it.
 *
 * @param headerOf the value of a header by its name
 * @throws CountersignError `header_mismatch`
 */
export async function checkCallHeaders(
  { registry, visible }: { registry: RegistryView; visible: VisibleTools },
  principal: Principal,
  { server, tool }: Target,
  args: JsonObject,
  headerOf: (name: string) => string | undefined,
): Promise<void> {
  const definition = registry.tool(server, tool)?.pinned?.definition
  const read = definition && readParamHeaders(definition.inputSchema)
  if (!read || !('params' in read) || read.params.length === 0) return
  const contradiction = checkParamHeaders(read.params, args, headerOf)
  if (contradiction === undefined || !(await visible.has(principal, server, tool))) return
  throw new CountersignError('header_mismatch', `${contradiction}; nothing was stored, list the tools again`)
}
