import { CountersignError } from '@countersign/contracts'

/** Somebody else's event came first; read the history and react (I2). */
export class LostRace extends Error {
  override name = 'LostRace'
}

/** Thrown by a consumer's handler for a message that can never succeed: it is terminated, not redelivered. */
export class Terminal extends Error {
  override name = 'Terminal'
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
