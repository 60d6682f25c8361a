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
 */
export async function makeRoom({ bus, epoch, maxBytes }: RoomOptions): Promise<number> {
  const { stream } = epoch
  const { created, bytes } = await bus.streamInfo(stream)
  const sealed = epoch.sealedThrough(created)
  return bytes > maxBytes && sealed > 0 ? bus.purge(stream, { seq: sealed + 1 }) : 0
}
