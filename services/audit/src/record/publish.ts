import { type Bus, LostRace, type Publication } from '@countersign/bus'
import { subjects } from '@countersign/contracts'
import type { Log, LogEntry } from '../log/log.ts'
import { LogBroken } from '../log/log-broken.ts'
import { splitLine } from '../log/line.ts'
import { readHead } from './record-text.ts'

/** Header of a message of `AUDIT`: its record's place in the log. */
export const logIndexHeader = 'Countersign-Log-Index'

const pageSize = 500
const deadlineMs = 10_000
/** A stream that was made anew gets this much of the log again; older records are in the log. */
const maxRepublished = 100_000

/** Publishes sealed records on `AUDIT`, each once and in order, also after a crash between sealing and publishing. */
export class RecordPublisher {
  readonly #bus: Pick<Bus, 'storeRun' | 'streamInfo' | 'readStream' | 'reconnects'>
  readonly #log: Log
  readonly #now: () => number
  #next = 0
  /** Where this process began to publish; all before it had been published long ago. */
  #since: number | undefined
  #reconnects = 0
  /** The last sequence of `AUDIT`, which nobody else writes. */
  #lastSeq = 0

  constructor(
    bus: Pick<Bus, 'storeRun' | 'streamInfo' | 'readStream' | 'reconnects'>,
    log: Log,
    now: () => number = Date.now,
  ) {
    this.#bus = bus
    this.#log = log
    this.#now = now
  }

  /**
   * Finds out what `AUDIT` has and publishes the rest. `AUDIT` acknowledges before its disk has a record, so after a power
   * failure that can be more than one batch.
   *
   * @throws LogBroken when `AUDIT` has records that the log has not
   */
  async resume(): Promise<void> {
    await this.#findEnd()
    this.#since = this.#next
    await this.publishThrough([])
  }

  /**
   * Publishes everything that is sealed and not published yet. A stream that does not end where it should has lost its newest
   * records with its server: what is missing is published again.
   *
   * @param recent the newest entries, which are not read from the log again
   * @throws CountersignError when the store did not take one; publishing again leaves out those it took
   */
  async publishThrough(recent: readonly LogEntry[]): Promise<void> {
    // The server may have been killed, and with it what it had acknowledged and not written.
    if (this.#since !== undefined && this.#bus.reconnects !== this.#reconnects) await this.#findEnd()
    try {
      await this.#publishRest(recent)
    } catch (error) {
      if (!(error instanceof LostRace)) throw error
      await this.#findEnd()
      await this.#publishRest(recent)
    }
  }

  async #findEnd(): Promise<void> {
    const { reconnects } = this.#bus
    const { lastSeq } = await this.#bus.streamInfo('AUDIT')
    this.#lastSeq = lastSeq
    const [newest] =
      lastSeq > 0 ? await this.#bus.readStream('AUDIT', lastSeq, { maxMessages: 1, maxBytes: 2 ** 24 }) : []
    if (newest) this.#next = await this.#after(newest.data)
    // A new stream had nothing. An emptied one says nothing about what it had: what this process published is published again.
    else if (lastSeq === 0) this.#next = Math.max(0, this.#log.size - maxRepublished)
    else this.#next = this.#since ?? this.#log.size
    this.#reconnects = reconnects
  }

  async #publishRest(recent: readonly LogEntry[]): Promise<void> {
    const inHand = recent[0]?.index ?? this.#log.size
    while (this.#next < inHand) {
      await this.#publish(await this.#log.read(this.#next, Math.min(pageSize, inHand - this.#next)))
    }
    await this.#publish(recent.slice(this.#next - inHand))
  }

  async #publish(entries: readonly LogEntry[]): Promise<void> {
    if (entries.length === 0) return
    this.#lastSeq = await this.#bus.storeRun(entries.map(publicationOf), this.#lastSeq, this.#now() + deadlineMs)
    this.#next += entries.length
  }

  /** The index after a published record, which must be the one the log has. */
  async #after(published: Uint8Array): Promise<number> {
    const text = Buffer.from(published).toString()
    const { index } = JSON.parse(text) as LogEntry
    const [entry] = index < this.#log.size ? await this.#log.read(index, 1) : []
    if (entry?.text === text) return index + 1
    throw new LogBroken(
      `AUDIT holds record ${index}, and the audit log ${entry ? 'has another one in its place' : `ends at ${this.#log.size}`}: ` +
        'the log folder is not the one those records come from. Restore it, or purge AUDIT to begin with the log that is here',
    )
  }
}

function publicationOf({
  index,
  text,
  ...rest
}: LogEntry & { record?: { tenant: string; server: string; event: string } }): Publication {
  const { tenant, server, event } = rest.record ?? headOf(text)
  return {
    subject: subjects.auditRecord(tenant, server, event),
    data: Buffer.from(text),
    msgId: `audit.${index}`,
    contentType: 'application/json',
    headers: { [logIndexHeader]: String(index) },
    alone: true,
  }
}

function headOf(text: string) {
  return readHead(splitLine(Buffer.from(text))!.record.toString())
}
