import type { Principal } from '@countersign/contracts'
import { operatorsGroup } from '@countersign/identity'

/** Who has to do with a call. */
export interface CallParties {
  tenant: string
  principal: string
  /** Groups that may vote on it; empty for a call that was never held. */
  approverGroups: readonly string[]
}

/** Operators see everything of their tenant. */
export function isOperator(viewer: Principal): boolean {
  return viewer.groups.includes(operatorsGroup)
}

/** True for operators of the tenant, for who asked, and for those who may (or might have) voted on it. */
export function maySeeCall(viewer: Principal, call: CallParties): boolean {
  if (viewer.tenant !== call.tenant) return false
  return (
    isOperator(viewer) ||
    viewer.id === call.principal ||
    call.approverGroups.some((group) => viewer.groups.includes(group))
  )
}
