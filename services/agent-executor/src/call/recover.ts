import type { Allowed, History } from '@countersign/contracts'

/** What to do with an allowed call that was delivered before. */
export type Recovery =
  /** Nothing was sent yet, or the tool may be sent the call again. */
  | { action: 'execute'; follows: number; attempt: number; claimedBy: string | undefined }
  /** It may have run and must not be sent again: say so (I6). */
  | { action: 'declare-unknown'; follows: number; claimedBy: string | undefined }
  /** Ended or withdrawn already. */
  | { action: 'leave' }

/**
 * Decides from the history alone, so that it does not matter which process died, or when (I12). Where an executor claimed the call, that one
 * is to be asked first: it may live, and have been cut off from the bus.
 */
export function recover(history: History, allowed: Allowed): Recovery {
  const claims = history.all('dispatched')
  const attempts = claims.length
  const claimedBy = claims.at(-1)?.data.executor
  switch (history.state) {
    case 'allowed':
      return { action: 'execute', follows: history.lastSeq, attempt: 1, claimedBy }
    case 'dispatched':
      return allowed.grant.claims.idempotent && attempts < 3
        ? { action: 'execute', follows: history.lastSeq, attempt: attempts + 1, claimedBy }
        : { action: 'declare-unknown', follows: history.lastSeq, claimedBy }
    default:
      return { action: 'leave' }
  }
}
