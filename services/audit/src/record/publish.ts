import { type Bus, LostRace, type Publication } from '@countersign/bus'
import { type SealedRecord, subjects } from '@countersign/contracts'
import { LogBroken } from '@countersign/tlog'
import type { Log, LogEntry } from '../log/log.ts'
import { readBacklog } from './read-backlog.ts'
import { readHead, type RecordHead } from './record-text.ts'

/** Header of a message of `AUDIT`: its record's place in the log of its tenant. */
export const logIndexHeader = 'Countersign-Log-Index'

const deadlineMs = 10_000
/** A stream that was made anew gets this much of each log again; older records are in the log. */
const maxRepublished = 100_000

/** Logs looked at side by side. */
const tenantsAtOnce = 64

type PublishingBus = Pick<Bus, 'storeRun' | 'streamInfo' | 'readStream' | 'newestOf' | 'reconnects'>
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
    const { firstSeq, lastSeq } = await this.#bus.streamInfo('AUDIT')
    this.#lastSeq = lastSeq
    const oldest = await this.#readAt(firstSeq, lastSeq)
    const newest = await this.#readAt(lastSeq, lastSeq)
    // A new stream had nothing. An emptied one says nothing about what it had: what this process published is published again.
    if (newest && oldest)
      this.#next = await this.#after(newest, firstSeq === 1 ? undefined : readSealed(oldest).record.storedAt)
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

  async #readAt(seq: number, lastSeq: number): Promise<string | undefined> {
    if (lastSeq === 0) return undefined
    const [message] = await this.#bus.readStream('AUDIT', seq, { maxMessages: 1, maxBytes: 2 ** 24 })
    return message && Buffer.from(message.data).toString()
  }

  /**
   * Where to go on in each tenant's log: after its newest published record, which must be the one the log has.
   *
   * @param forgottenBefore when AUDIT has forgotten its oldest records, when the event of the first that is left was stored
   */
  async #after(newest: string, forgottenBefore: string | undefined): Promise<Places> {
    await this.#check(readSealed(newest).record.tenant, newest)
    const places: Places = new Map()
    for (let from = 0; from < this.#log.tenants.length; from += tenantsAtOnce) {
      const tenants = this.#log.tenants.slice(from, from + tenantsAtOnce)
      await Promise.all(
        tenants.map(async (tenant) => {
          const message = await this.#bus.newestOf('AUDIT', subjects.auditRecords(tenant))
          const text = message && Buffer.from(message.data).toString()
          const place = text === undefined ? this.#firstSince(tenant, forgottenBefore) : this.#check(tenant, text)
          places.set(tenant, await place)
        }),
      )
    }
    return places
  }

  /** The index after a published record, which must be the one the log has. */
  async #check(tenant: string, published: string): Promise<number> {
    const { index } = readSealed(published)
    const tree = this.#log.tree(tenant)
    const [entry] = index < tree.size ? await tree.read(index, 1) : []
    if (entry?.text === published) return index + 1
    const found = entry ? 'has another one in its place' : `of ${tenant} ends at ${tree.size}`
    throw new LogBroken(
      `AUDIT holds record ${index}, and the audit log ${found}: the log is not the one those records come from. ` +
        'Restore it, or purge AUDIT to begin with the log that is here',
    )
  }

  /** Of a tenant that AUDIT has no record of: the first entry that is no older than all that AUDIT has forgotten. */
  async #firstSince(tenant: string, forgottenBefore: string | undefined): Promise<number> {
    const tree = this.#log.tree(tenant)
    if (forgottenBefore === undefined) return Math.max(0, tree.size - maxRepublished)
    for await (const { index, text } of tree.backward(tree.size)) {
      if (headOf(text).storedAt < forgottenBefore) return index + 1
    }
    return 0
  }
}

function readSealed(text: string): SealedRecord {
  return JSON.parse(text) as SealedRecord
}

function publicationOf({
  tenant,
  index,
  text,
  ...rest
}: LogEntry & { record?: Pick<RecordHead, 'server' | 'event'> }): Publication {
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
