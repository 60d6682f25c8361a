import type { Bus, Consumption } from '@countersign/bus'
import type { RecordSource } from './record-source.ts'
import type { Recorder } from './recorder.ts'
import { fullBatch } from './seal.ts'

/**
 * Takes every message of a source in batches. A batch is acknowledged when it is sealed and published; one that cannot be is handed
 * in again until it can, and nothing overtakes it.
 *
 * @param gatherMs how long the first event of a batch waits for more
 * @param told of each batch that was recorded and of each that failed
 */
export function onAny(
  bus: Pick<Bus, 'consumeBatches'>,
  { consumer }: Pick<RecordSource, 'consumer'>,
  recorder: Recorder,
  gatherMs: number,
  told: { onRecorded: (count: number) => void; onProblem: (error: unknown) => void },
): Consumption {
  return bus.consumeBatches({
    stream: consumer.stream,
    consumer: consumer.name,
    // They share one sync of the disk.
    maxBatch: fullBatch,
    lingerMs: gatherMs,
    handler: async (batch) => {
      await recorder.record(batch)
      told.onRecorded(batch.length)
    },
    onProblem: told.onProblem,
  })
}
