import { type Bus, LostRace, type Publication } from '@countersign/bus'
import { subjects } from '@countersign/contracts'
import { LogBroken } from '@countersign/tlog'
import type { Log, LogEntry } from '../log/log.ts'
import { isLater } from '../log/stream-position.ts'
import { readBacklog } from './read-backlog.ts'
import { readHead } from './record-text.ts'

/** Header of a message of `AUDIT`: its record's place in the log of its tenant. */
export const logIndexHeader = 'Countersign-Log-Index'

const deadlineMs = 10_000
/** A stream that was made anew gets this much of each log again; older records are in the log. */
const maxRepublished = 100_000

type PublishingBus = Pick<Bus, 'storeRun' | 'streamInfo' | 'readStream' | 'reconnects'>
type PublishedLog = Pick<Log, 'tenants' | 'tree'>
/** By tenant, the index that is published next. */
type Places = Map<string, number>

/** Publishes sealed records on `AUDIT`, each once and in order, also after a crash between sealing and publishing. */
export class RecordPublisher {
  readonly #bus: PublishingBus
  readonly #log: PublishedLog
  readonly #now: () => number
  #next: Places = new Map()
  /** Where this process began to publish; all before it had been published long ago. */
  #since: Places | undefined
  #reconnects = 0
  /** The last sequence of `AUDIT`, which nobody else writes. */
  #lastSeq = 0

  constructor(bus: PublishingBus, log: PublishedLog, now: () => number = Date.now) {
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
    this.#since = new Map(this.#next)
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
    // A new stream had nothing. An emptied one says nothing about what it had: what this process published is published again.
    if (newest) this.#next = await this.#after(newest.data)
    else if (lastSeq === 0) this.#next = this.#places((size) => Math.max(0, size - maxRepublished))
    else this.#next = new Map(this.#since ?? this.#places((size) => size))
    this.#reconnects = reconnects
  }

  #places(of: (size: number) => number): Places {
    return new Map(this.#log.tenants.map((tenant) => [tenant, of(this.#log.tree(tenant).size)]))
  }

  async #publishRest(recent: readonly LogEntry[]): Promise<void> {
    const inHand = this.#places((size) => size)
    for (const { tenant, index } of recent.toReversed()) inHand.set(tenant, index)
    for await (const entries of readBacklog(this.#log, this.#next, inHand)) await this.#publish(entries)
    await this.#publish(recent.filter(({ tenant, index }) => index >= (this.#next.get(tenant) ?? 0)))
  }

  async #publish(entries: readonly LogEntry[]): Promise<void> {
    if (entries.length === 0) return
    this.#lastSeq = await this.#bus.storeRun(entries.map(publicationOf), this.#lastSeq, this.#now() + deadlineMs)
    for (const { tenant, index } of entries) this.#next.set(tenant, index + 1)
  }

  /** Where to go on after a published record, which must be the one the log has. */
  async #after(published: Uint8Array): Promise<Places> {
    const text = Buffer.from(published).toString()
    const position = headOf(text)
    const { index } = JSON.parse(text) as LogEntry
    const tree = this.#log.tree(position.tenant)
    const [entry] = index < tree.size ? await tree.read(index, 1) : []
    if (entry?.text !== text) {
      const found = entry ? 'has another one in its place' : `of ${position.tenant} ends at ${tree.size}`
      throw new LogBroken(
        `AUDIT holds record ${index}, and the audit log ${found}: the log is not the one those records come from. ` +
          'Restore it, or purge AUDIT to begin with the log that is here',
      )
    }
    const places: Places = new Map()
    for (const tenant of this.#log.tenants) places.set(tenant, await this.#firstLater(tenant, position))
    return places
  }

  /** The index of the first entry of a tenant that comes after a position in the stream. */
  async #firstLater(tenant: string, position: { created: string; seq: number }): Promise<number> {
    const tree = this.#log.tree(tenant)
    for await (const { index, text } of tree.backward(tree.size)) {
      if (!isLater(headOf(text), position)) return index + 1
    }
    return 0
  }
}

function publicationOf({
  tenant,
  index,
  text,
  ...rest
}: LogEntry & { record?: { server: string; event: string } }): Publication {
  const { server, event } = rest.record ?? headOf(text)
  return {
    subject: subjects.auditRecord(tenant, server, event),
    data: Buffer.from(text),
    msgId: `audit.${tenant}.${index}`,
    contentType: 'application/json',
    headers: { [logIndexHeader]: String(index) },
    alone: true,
  }
}

function headOf(text: string) {
  return readHead(text.slice(0, -1))
}
