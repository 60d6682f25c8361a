import { type ApprovalSpec, type ApprovalTerms, durationMs } from '@countersign/contracts'

/**
 * One set of terms that satisfies every hold: the largest quorum, the shortest time, not the requester if any says so, and people
 * who are in a group that all of them name.
 *
 * @returns undefined when no group is named by all: nobody could approve
 */
export function combineTerms(specs: readonly ApprovalSpec[], now: Date): ApprovalTerms | undefined {
  const [first, ...others] = specs
  const groups = first?.groups.filter((group) => others.every((spec) => spec.groups.includes(group))) ?? []
  if (groups.length === 0) return undefined
  const shortestMs = Math.min(...specs.map(({ expiresAfter }) => durationMs(expiresAfter)))
  return {
    groups: [...new Set(groups)],
    quorum: Math.max(...specs.map(({ quorum }) => quorum)),
    notRequester: specs.some(({ notRequester }) => notRequester),
    expiresAt: new Date(now.getTime() + shortestMs).toISOString(),
  }
}
