import type { PolicyView } from '@countersign/contracts'
import type { Policy } from './policy.ts'

/** A policy as people see it. */
export function policyView({ name, file, mode, servers, rules }: Policy): PolicyView {
  return {
    name,
    file,
    mode,
    servers: [...servers],
    rules: rules.map(({ name: rule, effect, when, reason }) => ({
      name: rule,
      effect,
      when,
      ...(reason === undefined ? {} : { reason }),
    })),
  }
}
