/**
 * What is certain of a call that cannot be sent now (I5). Only tools that are safe to repeat have a second attempt, and of those
 * before it nobody knows how far they came.
 *
 * @param attempt the one that cannot be made, from 1
 */
export function whatRan(attempt: number): string {
  return attempt === 1 ? 'nothing ran' : 'it may have run in an earlier attempt, and the tool is safe to repeat'
}
