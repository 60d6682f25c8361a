import { CountersignError } from '@countersign/contracts'

/** Somebody else's event came first; read the history and react (I2). */
export class LostRace extends Error {
  override name = 'LostRace'
}

/** Thrown by a consumer's handler for a message that can never succeed: it is terminated, not redelivered. */
export class Terminal extends Error {
  override name = 'Terminal'
}

/** There is no space for this event; what is left is for events that end calls. */
export function storeFull(): CountersignError {
  return new CountersignError(
    'store_full',
    'the event store has no space left for new calls; it takes them again when calls that ended are purged, or its limit is raised',
  )
}

/** The error of a store that gave no acknowledgement in time. */
export function storeUnavailable(detail: string): CountersignError {
  return new CountersignError('store_unavailable', detail)
}

/** JetStream's error codes that the bus tells apart. */
export const apiErrors = {
  wrongLastSequence: new Set([10071, 10164]),
  full: new Set([10047, 10077, 10023]),
} as const
