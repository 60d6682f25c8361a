import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** The tool must be there for this caller: on a server of their tenant, pinned once, and not gone since (I10). */
export function requireTool(facts: Facts) {
  const { call, tool } = facts
  if (call.method === 'tools/call' && tool?.pinned && tool.state !== 'absent') return undefined
  return deny(
    facts,
    'unknown_tool',
    `there is no tool "${call.tool}" on "${call.server}" for you; list the tools and choose one of them`,
  )
}
