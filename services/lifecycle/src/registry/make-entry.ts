import { digestOf, type JsonObject, type ServerEntry, type ToolEntry } from '@countersign/contracts'
import { conditionsOf, type Phase, type Verification } from '../server/status.ts'
import type { Identity } from '../server/document.ts'

/** What a server said of itself in its last good handshake; the address only while this very run of it is known (I13). */
export type Seen = Partial<
  Pick<ServerEntry, 'address' | 'era' | 'protocolVersion' | 'serverInfo' | 'instructions' | 'leftOut'>
>

/** Everything an entry is made from. */
export interface ServerState {
  identity: Identity
  problem: string | undefined
  phase: Phase
  verification: Verification
  seen: Seen
  tools: ReadonlyMap<string, ToolEntry>
  restarts: number
  pid: number | undefined
  lastProbeAt: string | undefined
}

/** The registry's entry of a server. */
export function makeEntry(state: ServerState, before: ServerEntry | undefined, at: string): ServerEntry {
  const { identity, seen, tools, restarts, pid, lastProbeAt } = state
  const states = [...tools.values()].map((tool) => tool.state)
  return {
    ...identity,
    ...seen,
    conditions: conditionsOf(state, before?.conditions ?? [], at),
    restarts,
    ...(pid === undefined ? {} : { pid }),
    toolCount: states.filter((each) => each !== 'absent').length,
    quarantinedCount: states.filter((each) => each === 'quarantined').length,
    ...(lastProbeAt === undefined ? {} : { lastProbeAt }),
    updatedAt: at,
  }
}

/** True when two entries differ in nothing but when the server was looked at. */
export function sameEntry(left: ServerEntry, right: ServerEntry): boolean {
  return steady(left) === steady(right)
}

function steady({ lastProbeAt: _probe, updatedAt: _update, ...rest }: ServerEntry): string {
  return digestOf(rest as unknown as JsonObject)
}
