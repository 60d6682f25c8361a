import type { PolicyView } from '@countersign/contracts'
import type { Policy } from './policy.ts'

/** A policy as people see it. */
export function policyView({ name, file, mode, servers, tenants, rules }: Policy): PolicyView {
  return {
    name,
    file,
    mode,
    servers: [...servers],
    tenants: [...tenants],
    rules: rules.map(({ name: rule, effect, when, reason }) => ({
      name: rule,
      effect,
      when,
      ...(reason === undefined ? {} : { reason }),
    })),
  }
}
