import { toolHints } from '@countersign/contracts'
import type { Facts } from './facts.ts'
import type { Binding } from './verdict.ts'

/** What the pinned definition gives a grant to be bound to (I6, I13). */
export function bindingOf({ tool }: Facts): Binding {
  const { definition, digest } = tool!.pinned!
  return { definitionDigest: digest, idempotent: toolHints(definition).idempotent }
}
