import { setTimeout } from 'node:timers/promises'
import type { Bus } from '@countersign/bus'
import type { Log, Sealed } from '../log/log.ts'
import { makeRecord, type Protection, type StoredMessage } from './make-record.ts'
import type { Redactor } from './redact/redactor.ts'
import type { RecordSource } from './record-source.ts'
import type { RecordText } from './record-text.ts'
import { fetchContents, type LostContent } from './stored-content.ts'
import type { StreamEpoch } from './stream-epoch.ts'

/** What sealing the messages of one source works with. */
export interface SealOptions extends Pick<Protection, 'encryptor'> {
  source: RecordSource
  bus: Pick<Bus, 'readStream'> & { payloads: Pick<Bus['payloads'], 'read'> }
  append: Log['append']
  epoch: StreamEpoch
  /** What takes out of events what must not be sealed; asked after they were read. It throws while that is not known. */
  redactor?: () => Promise<Redactor | undefined>
  /** Told of records once they are on disk, in order. */
  onSealed: (sealed: readonly Sealed[]) => Promise<void> | void
  /** Told of events that left the stream before they could be sealed; the sequences in the log show the same gap. */
  onGap: (gap: { stream: string; created: string; from: number; to: number }) => void
  /** Told of content that events only name and that is gone, once they are on disk with its reference. */
  onLost?: (lost: LostContent) => void
}

/** Appended and synced at once, at most: bounds what a batch of large events takes in memory. */
const chunkBytes = 4 * 1024 * 1024
const readLimits = { maxMessages: 500, maxBytes: chunkBytes }
/** A batch of so many is full: then there is more to do than can be done slowly. */
export const fullBatch = 1000
/** Records after which the processor is left to calls for as long as making them took. */
const sliceLength = 20
/** Activities carry all that they say. */
const nothingNamed = { contents: [], lost: [] }

/**
 * Seals messages in stream order, each once. The consumer alone does not give that: after a crash or a reconnection the server
 * hands out what is new first and what was lost on the way only a minute later, and acknowledging the new acknowledges both.
 * So sequences that are missing before a message are read from the stream itself (I8).
 *
 * @throws Error when something could not be sealed; what was sealed before it stays sealed, and is passed over next time
 */
export async function seal(options: SealOptions, messages: readonly StoredMessage[]): Promise<void> {
  const { epoch } = options
  if (messages.length === 0) return
  let created = epoch.known
  // Sealed already, or from a stream made anew? Only the server knows.
  if (created === undefined || lowestSeq(messages) <= epoch.sealedThrough(created)) ({ created } = await epoch.read())
  // Calls share the processor with this: what gathered for a while is not made into records in one go.
  const slowly = messages.length < fullBatch
  let next = epoch.sealedThrough(created) + 1
  let fresh: StoredMessage[] = []
  for (const message of messages) {
    if (message.seq < next) continue
    if (message.seq > next) {
      await appendAll(options, created, fresh, slowly)
      fresh = []
      next = await sealMissing(options, created, next, message.seq)
      if (message.seq < next) continue
    }
    fresh.push(message)
    next = message.seq + 1
  }
  await appendAll(options, created, fresh, slowly)
}

/** Seals everything that is in the stream now, without waiting for the consumer. */
export async function sealAll(options: SealOptions): Promise<void> {
  const { created, lastSeq } = await options.epoch.read()
  for (;;) {
    const next = options.epoch.sealedThrough(created) + 1
    if (next > lastSeq) return
    const messages = await options.bus.readStream(options.epoch.stream, next, readLimits)
    if (messages.length === 0) return
    noteGap(options, created, next, messages[0]!.seq)
    await appendAll(options, created, messages)
  }
}

/** Seals what is there from `next` up to a message that was delivered; resolves to the sequence to go on with. */
async function sealMissing(options: SealOptions, created: string, next: number, delivered: number): Promise<number> {
  const { stream } = options.epoch
  while (next < delivered) {
    const messages = await options.bus.readStream(stream, next, readLimits)
    if (messages.length === 0) {
      const state = await options.epoch.read()
      if (state.created !== created) throw new Error(`${stream} was made anew while its events were recorded`)
      // The message is from a stream that is no more.
      if (state.lastSeq < delivered) return delivered + 1
      // A replica may not have it yet; only what the stream has passed is gone for good.
      if (state.firstSeq <= delivered)
        throw new Error(`events ${next} to ${delivered} cannot be read from ${stream} yet`)
      noteGap(options, created, next, delivered)
      return delivered
    }
    noteGap(options, created, next, Math.min(messages[0]!.seq, delivered))
    await appendAll(options, created, messages)
    next = messages.at(-1)!.seq + 1
  }
  return next
}

function lowestSeq(messages: readonly StoredMessage[]): number {
  return messages.reduce((lowest, { seq }) => Math.min(lowest, seq), Number.POSITIVE_INFINITY)
}

function noteGap({ onGap, epoch }: SealOptions, created: string, expected: number, found: number): void {
  if (found > expected) onGap({ stream: epoch.stream, created, from: expected, to: found - 1 })
}

async function appendAll(
  { source, bus, append, epoch, redactor, encryptor, onSealed, onLost }: SealOptions,
  created: string,
  messages: readonly StoredMessage[],
  slowly = false,
): Promise<void> {
  if (messages.length === 0) return
  const takesOut = await redactor?.()
  let records: RecordText[] = []
  let lost: LostContent[] = []
  let bytes = 0
  let previous = epoch.sealedThrough(created)
  const sealRecords = async () => {
    // A record whose key was lost in a crash could never be opened.
    encryptor?.persist()
    const sealed = await append(records)
    for (const each of lost) onLost?.(each)
    await onSealed(sealed)
    records = []
    lost = []
    bytes = 0
  }
  // Before what an event names can be had, neither it nor anything after it is sealed.
  const waits = async (unavailable: unknown): Promise<never> => {
    if (records.length > 0) await sealRecords()
    throw unavailable
  }
  await encryptor?.refresh()
  let sliceBegun = performance.now()
  for (const [place, message] of messages.entries()) {
    if (slowly && place > 0 && place % sliceLength === 0) {
      await setTimeout(performance.now() - sliceBegun)
      sliceBegun = performance.now()
    }
    const named = source.kind === 'call' ? await fetchContents(bus.payloads, message).catch(waits) : nothingNamed
    lost.push(...named.lost)
    const protection = { redactor: takesOut, encryptor }
    const record = makeRecord(source, message, { created, previous }, protection, named.contents)
    previous = message.seq
    records.push(record)
    bytes += record.text.length + (record.content?.bytes.length ?? 0)
    if (bytes >= chunkBytes) await sealRecords()
  }
  if (records.length > 0) await sealRecords()
}
