import { CountersignError, prefixSeparator, type Principal } from '@countersign/contracts'
import type { RegistryView } from '@countersign/bus'

/** The tool a caller means: its server, and its name as that server knows it. */
export interface Target {
  server: string
  tool: string
}

/** The answer for a tool that is not there, or not for this caller: the same words, so that nothing is learnt from them. */
export function unknownTool(name: string): CountersignError {
  return new CountersignError(
    'unknown_tool',
    `there is no tool ${JSON.stringify(name.slice(0, 128))} for you; list the tools again`,
  )
}

/**
 * Finds the server of a call. Whether the tool may be called is not decided here but by policy, so that an attempt on a hidden
 * tool is an event like any other.
 *
 * @param endpoint the server of `/mcp/<server>`, or undefined on `/mcp`, where names are prefixed
 * @throws CountersignError `unknown_tool`
 */
export function resolveTarget(
  registry: RegistryView,
  principal: Principal,
  endpoint: string | undefined,
  name: string,
): Target {
  const split = endpoint === undefined ? name.indexOf(prefixSeparator) : -1
  if (endpoint === undefined && split <= 0) throw unknownTool(name)
  const target =
    endpoint === undefined
      ? { server: name.slice(0, split), tool: name.slice(split + 1) }
      : { server: endpoint, tool: name }
  const entry = registry.server(principal.tenant, target.server)
  if (!entry || target.tool === '' || target.tool.length > 256) throw unknownTool(name)
  return target
}
