import { TryLater } from './driver.ts'

/** How long to wait between tries, in ms. */
export interface Backoff {
  firstMs: number
  mostMs: number
}

export const usualBackoff: Backoff = { firstMs: 1000, mostMs: 60_000 }
/** A target may ask for more patience than we would have, but not for ever. */
const longestWaitMs = 3_600_000

/**
 * How long to wait after a failure: doubled each time, with half of it by chance so that targets are not all asked at once, and
 * never shorter than the target asked for.
 *
 * @param failures how many there were in a row, from 1
 * @param random from 0 to 1
 */
export function waitAfter(error: unknown, failures: number, { firstMs, mostMs }: Backoff, random: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20))
  const own = full / 2 + (full / 2) * random
  return error instanceof TryLater ? Math.min(longestWaitMs, Math.max(own, error.afterMs)) : own
}
