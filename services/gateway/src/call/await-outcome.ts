import type { CallEvent } from '@countersign/contracts'
import type { News, Wait } from './outcome-board.ts'

/** Where a call stands when its caller is answered. */
export type Outcome = News | { name: 'timeout' }

/** How long to wait for what. */
export interface Patience {
  /** Until when an answer is of use to the caller, in epoch milliseconds. */
  deadlineMs: number
  /** How long a held call may keep the caller; 0 answers a hold at once. */
  holdWindowMs: number
  /** Told at intervals while the call is held. */
  onHeld: (held: CallEvent<'held'>) => void
}

const tellEveryMs = 5000

/**
 * Waits until the call ends. A held call keeps its caller waiting, with news at intervals, for the hold window; then being held
 * is the answer.
 */
export async function awaitOutcome(wait: Wait, patience: Patience, first?: News): Promise<Outcome> {
  const news = first ?? (await wait.next(patience.deadlineMs))
  if (!news) return { name: 'timeout' }
  if (news.name !== 'held') return news
  const held = news.event as CallEvent<'held'>
  const untilMs = Math.min(patience.deadlineMs, Date.now() + patience.holdWindowMs)
  while (Date.now() < untilMs && !wait.hurried) {
    patience.onHeld(held)
    const next = await wait.next(Math.min(untilMs, Date.now() + tellEveryMs))
    if (next && next.name !== 'held') return next
  }
  return news
}
