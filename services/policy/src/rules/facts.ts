import type { AuditStanding, CallFields, JsonObject, ToolEntry } from '@countersign/contracts'
import type { PolicySet } from '@countersign/policies'

/** Everything a decision is made on; `call/gather-facts.ts` fills it, the rules only read it. */
export interface Facts {
  now: Date
  call: CallFields & {
    groups: readonly string[]
    /** After this instant nobody waits for the call any more. */
    deadline: string
  }
  /** The documents in force; undefined when there are none. */
  policies: PolicySet | undefined
  /** How far audit is: a call may only be taken when it will be sealed. */
  audit: Pick<AuditStanding, 'state' | 'reason'>
  /** The tool as the registry has it, if its server belongs to the caller's tenant. */
  tool: ToolEntry | undefined
  /** The arguments, proven to be those of the digest; or why there are none. */
  arguments: { value: JsonObject } | { problem: string }
  /** What the arguments have against the tool's schema; undefined when they fit. */
  checkArguments: (pinned: PinnedTool, value: JsonObject) => string | undefined
}

/** The definition that callers see and grants are bound to. */
export type PinnedTool = NonNullable<ToolEntry['pinned']>
