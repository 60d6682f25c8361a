import type { Bus } from '@countersign/bus'
import type { StreamEpoch } from '../record/stream-epoch.ts'

/** What making room works with. */
export interface RoomOptions {
  bus: Pick<Bus, 'purge' | 'streamInfo'>
  epoch: StreamEpoch
  /** Above this what is sealed is removed. */
  maxBytes: number
}

/**
 * Makes room in a stream that refuses when it is full: once it is as full as it may be, everything that is sealed goes (I8).
 *
 * @returns how many messages went
 * @throws Error while the stream is not the one that was sealed
 */
export async function makeRoom({ bus, epoch, maxBytes }: RoomOptions): Promise<number> {
  const { stream } = epoch
  const { created, bytes } = await bus.streamInfo(stream)
  const sealed = epoch.sealedThrough(created)
  if (bytes <= maxBytes || sealed === 0) return 0
  // What came after the stream was set back is not sealed, whatever its sequences.
  await epoch.read()
  return bus.purge(stream, { seq: sealed + 1 })
}
