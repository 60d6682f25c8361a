import { CountersignError } from '@countersign/contracts'
import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'

/** Somebody else's event came first; read the history and react (I2). */
export class LostRace extends Error {
  override name = 'LostRace'
}

/** Thrown by a consumer's handler for a message that can never succeed: it is terminated, not redelivered. */
export class Terminal extends Error {
  override name = 'Terminal'
}

/** Stored content that will not be had any more, however often it is asked for. */
export class ContentLost extends Error {
  override name = 'ContentLost'
  /** What became of it, without its name, which is an unsalted digest of it. */
  readonly why: string

  constructor(ref: string, why: string) {
    super(`the stored content ${ref} ${why}`)
    this.why = why
  }
}

/** There is no space for this event; what is left is for events that end calls. */
export function storeFull(): CountersignError {
  return new CountersignError(
    'store_full',
    'the event store has no space left for new calls; it takes them again when calls that ended are purged, or its limit is raised',
  )
}

/** There is no space for content that is too large for an event; what is left is for results. */
export function payloadsFull(): CountersignError {
  return new CountersignError(
    'store_full',
    'the object store for arguments and results over 256 KiB has no space left; send less, ask again when some of it is a week old, or have its limit raised',
  )
}

/** The error of a store that does not do what it is asked. */
export function storeUnavailable(detail: string, cause?: unknown): CountersignError {
  return new CountersignError('store_unavailable', detail, cause === undefined ? {} : { cause })
}

/** The store gave no acknowledgement in time: it may have what was published, or not. */
export class NotAcknowledged extends CountersignError {
  constructor() {
    super(
      'store_unavailable',
      'the event store did not acknowledge in time, so it is not known whether it took the event',
    )
  }
}

/** Waits for an answer of the store; that there is none is said in our words, here for all who ask. */
export async function fromStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (isFull(error)) throw storeFull()
    if (!isSilence(error)) throw error
    throw storeUnavailable(
      'the event store does not answer; ask again in a moment, and if that does not help, have nats-server looked at',
      error,
    )
  }
}

function isFull(error: unknown): boolean {
  return error instanceof JetStreamApiError && apiErrors.full.has(error.code)
}

/** True for what is said at once while nobody leads the servers that have what is asked for, or none of them is there. */
export function isWithoutLeader(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status === 503
  if (error instanceof errors.NoRespondersError) return true
  if (error instanceof errors.RequestError) return error.isNoResponders()
  return error instanceof Error && error.cause !== undefined && isWithoutLeader(error.cause)
}

/** True for what the client says when no server answers, or none that has what is asked for. */
function isSilence(error: unknown): boolean {
  if (error instanceof JetStreamApiError || error instanceof errors.RequestError) return isWithoutLeader(error)
  const silent = [errors.TimeoutError, errors.NoRespondersError, errors.ClosedConnectionError, errors.ConnectionError]
  if (silent.some((each) => error instanceof each)) return true
  // JetStream's client wraps what it was told.
  return error instanceof Error && error.cause !== undefined && isSilence(error.cause)
}

/** JetStream's error codes that the bus tells apart. */
export const apiErrors = {
  wrongLastSequence: new Set([10071]),
  /** On a cluster: this message is on its way to being stored, from an earlier attempt. */
  idInProcess: new Set([10158]),
  /** On a cluster: another message of what is expected of is on its way, and not decided. */
  sequenceInProcess: new Set([10164]),
  full: new Set([10047, 10077, 10023]),
} as const
