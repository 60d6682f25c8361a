import { matchTarget, type PoliciesView } from '@countersign/contracts'

/**
 * Names of the policies that have a say in calls of a server. Where there is none, every call is denied, since what no rule allows
 * is denied.
 */
export function coveringPolicies({ policies }: PoliciesView, target: { tenant: string; name: string }): string[] {
  return policies
    .filter(({ mode, servers, tenants, rules }) => {
      const covers = matchTarget(servers)(target.name) && matchTarget(tenants)(target.tenant)
      // One that only redacts has no say.
      return mode === 'enforce' && rules.length > 0 && covers
    })
    .map(({ name }) => name)
}
