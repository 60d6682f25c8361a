import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { DefinitionChange } from '../registry.ts'
import { DnsLabel } from '../subjects.ts'

/** What was done to a tool server, by whom and why; carried on `lifecycle.<tenant>.<server>.<event>`. */
export const LifecycleEvent = z.object({
  event: z.enum([
    'accepted',
    'refused',
    'started',
    'verified',
    'stopped',
    'crashed',
    'removed',
    'tools_pinned',
    'tool_changed',
    'tool_accepted',
  ]),
  tenant: DnsLabel,
  server: DnsLabel,
  at: Instant,
  /** `lifecycle` itself, or the person who accepted a change. */
  by: z.string(),
  message: z.string(),
  tool: z.string().optional(),
  changes: z.array(DefinitionChange).optional(),
})
export type LifecycleEvent = z.infer<typeof LifecycleEvent>
