import { matchTarget, type PoliciesView } from '@countersign/contracts'

/**
 * Names of the policies that have a say in calls of a server. Where there is none, every call is denied, since what no rule allows
 * is denied.
 */
export function coveringPolicies({ policies }: PoliciesView, target: { tenant: string; name: string }): string[] {
  return policies
    .filter(({ mode, servers, tenants }) => {
      const covers = matchTarget(servers)(target.name) && matchTarget(tenants)(target.tenant)
      return mode === 'enforce' && covers
    })
    .map(({ name }) => name)
}
