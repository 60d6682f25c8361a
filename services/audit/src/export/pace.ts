import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** After work the thread is left to others for so many times as long as it was busy, but not longer than a second. */
const restShare = 4
const longestRestMs = 1000

/**
 * Lets exports that have much to catch up with share the thread that seals: they take turns, and after each the thread is left
 * alone for a while. An export that is up to date has so little to do that it rests for next to nothing.
 */
export class Pace {
  #turn: Promise<unknown> = Promise.resolve()

  /** Does work in turn. @throws AbortError for one who does not want its turn any more */
  take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let busyMs = 0
    const done = this.#turn.then(async () => {
      signal.throwIfAborted()
      const before = performance.eventLoopUtilization()
      try {
        return await work()
      } finally {
        busyMs = performance.eventLoopUtilization(before).active
      }
    })
    this.#turn = done.catch(() => {}).then(() => rest(busyMs * restShare, signal))
    return done
  }
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(Math.min(longestRestMs, ms), undefined, { signal }).catch(() => {})
}
