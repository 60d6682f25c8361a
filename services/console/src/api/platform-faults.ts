import { count, type Principal } from '@countersign/contracts'
import { z } from 'zod'

export const Fault = z.object({ what: z.string(), problem: z.string(), remedy: z.string() })
export type Fault = z.infer<typeof Fault>

/**
 * What is not right with what all tenants share, as an operator may know it: those of the platform's tenant see what and where, because
 * it names files, streams and what others do; those of another tenant see that something is, and whom to ask.
 */
export function platformFaults(
  { tenant }: Pick<Principal, 'tenant'>,
  platformTenant: string,
  what: string,
  faults: readonly Fault[],
): readonly Fault[] {
  if (tenant === platformTenant || faults.length === 0) return faults
  const are = faults.length === 1 ? 'is not as it must be' : 'are not as they must be'
  const problem = `${count(faults.length, 'thing')} that all tenants share ${are}`
  return [{ what, problem, remedy: 'ask whoever runs this Countersign, who is told what it is' }]
}
