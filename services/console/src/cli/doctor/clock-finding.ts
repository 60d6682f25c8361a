import { maxClockSkewMs } from '@countersign/contracts'
import { bad, type Finding, good } from './finding.ts'

/**
 * Whether the clock of this machine and that of the console agree; what is between asking and the answer is no difference.
 *
 * @param theirs the console's clock when it answered, in epoch milliseconds
 * @param before this machine's when it was asked
 * @param after this machine's when its answer was there
 */
export function clockFinding(theirs: number, before: number, after: number): Finding {
  const skew = theirs < before ? before - theirs : Math.max(0, theirs - after)
  if (skew <= maxClockSkewMs) return good('clock', 'this machine and the console agree')
  return bad(
    'clock',
    `this machine and the console are ${Math.round(skew / 1000)} s apart, so approvals expire early or late`,
    'set both clocks by NTP',
  )
}
