import type { StreamName } from '@countersign/contracts'

/** A place in a stream. */
export interface StreamPosition {
  seq: number
  /** When the stream was created: a stream made anew counts from 1 again. */
  created: string
  /** When the event there was stored, ISO 8601; what was sealed by earlier versions does not say it. */
  storedAt?: string
}

/** A place in each of the streams that records come from. */
export type StreamPositions = { readonly [S in StreamName]?: StreamPosition }

/** True for a place after another one of the same stream. A stream that was made later comes later, whatever its sequences. */
export function isLater(position: StreamPosition, than: StreamPosition | undefined): boolean {
  if (!than) return true
  if (position.created === than.created) return position.seq > than.seq
  return Date.parse(position.created) > Date.parse(than.created)
}

/** The later of two places in each stream. */
export function laterOf(one: StreamPositions, other: StreamPositions): StreamPositions {
  const later: { [S in StreamName]?: StreamPosition } = { ...one }
  for (const [stream, position] of Object.entries(other) as [StreamName, StreamPosition][]) {
    if (isLater(position, later[stream])) later[stream] = position
  }
  return later
}
