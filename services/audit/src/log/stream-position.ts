/** A place in `CALLS`. */
export interface StreamPosition {
  seq: number
  /** When the stream was created: a stream made anew counts from 1 again. */
  created: string
}

/** True for a place after another one. A stream that was made later comes later, whatever its sequences. */
export function isLater(position: StreamPosition, than: StreamPosition): boolean {
  if (position.created === than.created) return position.seq > than.seq
  return Date.parse(position.created) > Date.parse(than.created)
}
