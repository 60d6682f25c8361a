import { z } from 'zod'

/** What a replica that nobody can ask tells of itself, again and again while something is not right; all is well with one that is silent. */
export const ToldFaults = z.object({
  faults: z
    .array(z.object({ what: z.string().max(200), problem: z.string().max(8000), remedy: z.string().max(2000) }))
    .max(20),
})
export type ToldFaults = z.infer<typeof ToldFaults>

/** How often it tells, in milliseconds. */
export const toldFaultsEveryMs = 2000
