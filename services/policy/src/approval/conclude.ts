import { count, type History, tally, type Tally } from '@countersign/contracts'

/** An approval is for the moment it was given in, not for later. */
const grantMs = 5 * 60_000

/** Where a held call stands. */
export type Conclusion =
  | { state: 'waiting' }
  | { state: 'approved'; approvals: Tally['approvals']; expiresAt: Date }
  | { state: 'rejected'; message: string; comment: string | undefined }
  | { state: 'expired'; message: string }

/**
 * Folds the history of a held call: one rejection ends it, a quorum of distinct people allows it, time ends it (I4, I5).
 *
 * @returns with an approval, when its grant expires: five minutes after the vote that completed the quorum
 */
export function conclude(history: History, now: Date): Conclusion {
  const held = history.find('held')
  if (!held || !history.waiting) return { state: 'waiting' }
  const { approval, digest } = held.data
  const votes = tally(approval.quorum, history.all('voted'), digest)
  if (votes.rejection) {
    const { approver, comment } = votes.rejection
    return { state: 'rejected', message: `${approver} rejected the call; nothing ran`, comment }
  }
  if (votes.reached) {
    const approvedAt = Date.parse(votes.approvals[approval.quorum - 1]!.at)
    const expiresAt = new Date(approvedAt + grantMs)
    if (now < expiresAt) return { state: 'approved', approvals: votes.approvals, expiresAt }
    const message = `the call was approved, but that could not be acted on before ${expiresAt.toISOString()}; nothing ran, ask again`
    return { state: 'expired', message }
  }
  if (now.getTime() < Date.parse(approval.expiresAt)) return { state: 'waiting' }
  const counted = `${votes.approvals.length} of ${count(approval.quorum, 'approval')}`
  return {
    state: 'expired',
    message: `nobody decided in time: ${counted} by ${approval.expiresAt}; nothing ran, ask again`,
  }
}
