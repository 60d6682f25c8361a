import type { Allowed, History } from '@countersign/contracts'

/** What to do with an allowed call that was delivered before. */
export type Recovery =
  /** Nothing was sent yet, or the tool may be sent the call again. */
  | { action: 'execute'; follows: number; attempt: number }
  /** It may have run and must not be sent again: say so (I6). */
  | { action: 'declare-unknown'; follows: number }
  /** Ended or withdrawn already. */
  | { action: 'leave' }

/** Decides from the history alone, so that it does not matter which process died, or when (I12). */
export function recover(history: History, allowed: Allowed): Recovery {
  const attempts = history.all('dispatched').length
  switch (history.state) {
    case 'allowed':
      return { action: 'execute', follows: history.lastSeq, attempt: 1 }
    case 'dispatched':
      return allowed.grant.claims.idempotent && attempts < 3
        ? { action: 'execute', follows: history.lastSeq, attempt: attempts + 1 }
        : { action: 'declare-unknown', follows: history.lastSeq }
    default:
      return { action: 'leave' }
  }
}
