/**
 * Publishing with an acknowledgement from the store.
 *
 * One subscription receives all acknowledgements, matched by a token in the reply subject: the client's own request path
 * builds two stack traces a publish, which were a fifth of each service's time. Under load, events that pile up travel as one
 * atomic batch, which the server makes durable with one fsync; when a batch is refused, each event is published alone, so that
 * one loser of a race does not hurt the others. No two events of a batch expect something of the same history: the server asks what was
 * stored before the batch, and would take both.
 */
import { headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { apiErrors, LostRace, NotAcknowledged, storeFull, storeUnavailable } from './errors.ts'

/** One event to store. */
export interface Publication {
  subject: string
  data: Uint8Array
  /** Makes publishing again harmless: the store keeps one message an id. */
  msgId: string
  contentType?: string
  traceparent?: string | undefined
  /** Compare-and-set: the last sequence among `filter` must be `seq` (0: none); see `Expectation`. */
  expect?: Expectation
  /** More headers, e.g. a schedule. */
  headers?: Record<string, string>
  /** Sent at once and never gathered into a batch: for a stream that takes no batches. */
  alone?: boolean
}

/** What must be stored last for an event to be stored after it (I2). */
export interface Expectation {
  filter: string
  seq: number
  /**
   * Looks up the first message after a sequence: what was stored in the place of one that was refused. Left out, a server that says that the
   * race is lost is believed.
   */
  firstAfter?: (seq: number, filter: string) => Promise<{ seq: number; msgId: string } | undefined>
}

/** Where an event was stored. */
export interface Stored {
  seq: number
  /** It was there already: an earlier attempt whose acknowledgement was lost. */
  duplicate: boolean
}

interface Reply {
  seq?: number
  duplicate?: boolean
  error?: { err_code?: number; description: string }
  /** No acknowledgement came within the attempt. */
  silent?: boolean
  /** No server takes the subject: the stream is not there, or has no leader just now. */
  unheard?: boolean
}

interface Waiting {
  publication: Publication
  resolve: (reply: Reply) => void
}

const attemptMs = 2000
/** A stream of a cluster is without a leader for some seconds after the server that led it died. */
const unheardMs = 250
/** A server that is cut off leads on for 20 s at most. Who is refused for longer follows an event that was purged, with a call that ended. */
const behindMs = 30_000
/** What is on its way in a cluster is decided within some round trips between its servers, or when another leads them. */
const inProcessMs = 50
const undecided =
  'another event of this call was on its way into the event store all the time, so this one was not stored; ask again'
const notTaken = 'the event store has no stream that takes the event just now, so nothing was stored; ask again'
const notReached = 'the event store cannot be reached, so nothing was stored and nothing runs; ask again'
/** Publishes in flight at once before the rest is gathered into batches. */
const window = 4
/**
 * Below this many gathered events a batch costs more than it saves. It costs as much as two single ones where servers gather it in memory, which they do
 * in clusters and where the launcher sees to it. On a disk it costs as much as some dozen; as many calls were taken there as with twelve.
 */
const batchMin = 4
const batchMax = 200
/** Of what a batch carries, in bytes: the server holds it until all of it is there. */
const batchMaxBytes = 1024 * 1024
/** Where the server refuses a batch, and not for what is in it, the next ones are not tried for so long. */
const batchAgainMs = 1000

/** Publishes events to JetStream for one connection. */
export class Publisher {
  readonly #nc: NatsConnection
  readonly #inbox: string
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  readonly #queue: Waiting[] = []
  #token = 0
  #inFlight = 0
  #batching = false
  #batchesFromMs = 0
  #reconnected: PromiseWithResolvers<void> | undefined
  /** How often the connection was made anew. */
  reconnects = 0

  constructor(nc: NatsConnection, inboxPrefix: string) {
    this.#nc = nc
    this.#inbox = `${inboxPrefix}.acks.${crypto.randomUUID().slice(0, 8)}`
    nc.subscribe(`${this.#inbox}.*`, { callback: (_error, message) => this.#acknowledged(message) })
  }

  /** True while the connection is up. */
  get up(): boolean {
    return this.#reconnected === undefined
  }

  /** Tells the publisher whether the connection is up; while it is not, publishes wait. */
  connected(up: boolean): void {
    if (up) {
      this.reconnects += 1
      this.#reconnected?.resolve()
      this.#reconnected = undefined
    } else {
      this.#reconnected ??= Promise.withResolvers()
    }
  }

  /**
   * Stores one event; resolves when it is on disk.
   *
   * @param deadlineMs instant (epoch milliseconds) until which to try
   * @throws LostRace when another message is stored where this one was to be
   * @throws CountersignError `store_full`, or `store_unavailable`, which is `NotAcknowledged` when it may have been stored all the same
   */
  async publish(publication: Publication, deadlineMs: number): Promise<Stored> {
    // An attempt that was not answered may have stored it all the same.
    let uncertain = false
    let freeSince: number | undefined
    for (;;) {
      await this.#untilConnected(deadlineMs, uncertain)
      const reply = await this.#enqueue(uncertain ? { ...publication, alone: true } : publication)
      if (reply.silent) {
        uncertain = true
        if (Date.now() < deadlineMs) continue
        throw new NotAcknowledged()
      }
      if (reply.unheard) {
        if (Date.now() + unheardMs >= deadlineMs) throw uncertain ? new NotAcknowledged() : storeUnavailable(notTaken)
        await delay(unheardMs)
        continue
      }
      const { error } = reply
      if (error === undefined) return { seq: reply.seq!, duplicate: reply.duplicate ?? false }
      const code = error.err_code ?? 0
      if (apiErrors.idInProcess.has(code) || apiErrors.sequenceInProcess.has(code)) {
        uncertain ||= apiErrors.idInProcess.has(code)
        if (Date.now() + inProcessMs >= deadlineMs)
          throw uncertain ? new NotAcknowledged() : storeUnavailable(undecided)
        await delay(inProcessMs)
        continue
      }
      if (apiErrors.wrongLastSequence.has(code)) {
        const place = await placeOf(publication).catch(() => 'not known' as const)
        if (place === 'taken') throw new LostRace(error.description)
        if (typeof place === 'object') return { seq: place.seq, duplicate: true }
        const now = performance.now()
        freeSince = place === 'free' ? (freeSince ?? now) : undefined
        if (freeSince !== undefined && now - freeSince > behindMs) throw new LostRace(error.description)
        // One server refused it; another may have stored it.
        uncertain = true
        if (Date.now() + unheardMs >= deadlineMs) throw new NotAcknowledged()
        await delay(unheardMs)
        continue
      }
      if (uncertain) throw new NotAcknowledged()
      if (apiErrors.full.has(code)) throw storeFull()
      throw storeUnavailable(`the event store refused the event: ${error.description}`)
    }
  }

  /**
   * Stores messages of a stream that nobody else writes, in order, with one acknowledgement. Each message says which sequence must be
   * before it: where one is lost on its way, as those are that come while the stream is being made, none after it is stored.
   *
   * @param lastSeq the stream's last sequence before
   * @returns its last sequence after
   * @throws LostRace when the stream does not end where it should: look at what it has
   * @throws CountersignError as `publish` does
   */
  async publishRun(run: readonly Publication[], lastSeq: number, deadlineMs: number): Promise<number> {
    await this.#untilConnected(deadlineMs, false)
    const last = run.at(-1)
    if (!last) return lastSeq
    const after = (place: number) => ({ 'Nats-Expected-Last-Sequence': String(lastSeq + place) })
    for (const [place, publication] of run.slice(0, -1).entries()) {
      this.#nc.publish(publication.subject, publication.data, { headers: headersOf(publication, after(place)) })
    }
    const reply = await new Promise<Reply>((resolve) => this.#send(last, after(run.length - 1), resolve))
    if (reply.seq !== undefined && !reply.duplicate) return reply.seq
    if (reply.silent) throw new NotAcknowledged()
    if (reply.unheard) throw storeUnavailable(notTaken)
    throw new LostRace(reply.error?.description ?? 'a message of the run was there already')
  }

  async #untilConnected(deadlineMs: number, uncertain: boolean): Promise<void> {
    const { promise } = this.#reconnected ?? {}
    if (!promise) return
    await Promise.race([promise, delay(Math.max(0, deadlineMs - Date.now()))])
    if (this.#reconnected?.promise === promise) {
      throw uncertain ? new NotAcknowledged() : storeUnavailable(notReached)
    }
  }

  #enqueue(publication: Publication): Promise<Reply> {
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const waiting = { publication, resolve }
    if (publication.alone || (this.#inFlight < window && this.#queue.length === 0)) this.#single(waiting)
    else this.#queue.push(waiting)
    return promise
  }

  /** Sends what was gathered: one at a time while it is little, as a batch when it is much. */
  #drain(): void {
    // One batch at a time; what arrives meanwhile makes the next one.
    if (this.#batching) return
    if (this.#queue.length >= batchMin && performance.now() >= this.#batchesFromMs) {
      const { batch, others } = firstOfEachHistory(this.#queue.slice(0, batchMax))
      if (batch.length >= batchMin) {
        this.#queue.splice(0, batchMax, ...others)
        this.#batch(batch)
        return
      }
    }
    while (this.#inFlight < window && this.#queue.length > 0) this.#single(this.#queue.shift()!)
  }

  #single({ publication, resolve }: Waiting): void {
    this.#inFlight += 1
    this.#send(publication, {}, (reply) => {
      this.#inFlight -= 1
      resolve(reply)
      this.#drain()
    })
  }

  #batch(batch: Waiting[]): void {
    this.#batching = true
    const id = crypto.randomUUID()
    const inBatch = (place: number) => ({ 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(place + 1) })
    const settle = (reply: Reply) => {
      this.#batching = false
      this.#batched(batch, reply)
      this.#drain()
    }
    const last = batch.length - 1
    try {
      for (const [place, { publication }] of batch.slice(0, last).entries()) {
        this.#nc.publish(publication.subject, publication.data, { headers: headersOf(publication, inBatch(place)) })
      }
    } catch (error) {
      return queueMicrotask(() => settle(notSent(error)))
    }
    this.#send(batch[last]!.publication, { ...inBatch(last), 'Nats-Batch-Commit': '1' }, settle)
  }

  #batched(batch: readonly Waiting[], reply: Reply): void {
    if (reply.seq !== undefined) {
      const first = reply.seq - batch.length + 1
      batch.forEach(({ resolve }, place) => resolve({ seq: first + place }))
    } else if (reply.silent) {
      // It may be stored, and may be yet: whoever waits tries again, and knows.
      for (const { resolve } of batch) resolve(reply)
    } else {
      if (!isLostRace(reply)) this.#batchesFromMs = performance.now() + batchAgainMs
      // Atomic means all or none: publish each alone, so that only the one at fault fails.
      for (const waiting of batch) this.#single(waiting)
    }
  }

  #send(publication: Publication, more: Record<string, string>, settle: (reply: Reply) => void): void {
    const token = (++this.#token).toString(36)
    const timer = setTimeout(() => this.#waiting.get(token)?.({ silent: true }), attemptMs)
    const settleOnce = (reply: Reply) => {
      clearTimeout(timer)
      this.#waiting.delete(token)
      settle(reply)
    }
    this.#waiting.set(token, settleOnce)
    const { subject, data } = publication
    try {
      this.#nc.publish(subject, data, { headers: headersOf(publication, more), reply: `${this.#inbox}.${token}` })
    } catch (error) {
      // Later, as all replies come: what waits behind it is sent when this one is settled.
      queueMicrotask(() => settleOnce(notSent(error)))
    }
  }

  #acknowledged(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1)
    const settle = this.#waiting.get(token)
    if (!settle) return
    if (message.data.length === 0) settle({ unheard: true })
    else {
      const { seq, duplicate, error } = message.json<Reply>()
      // A refusal carries `seq: 0`.
      settle(error ? { error } : { seq: seq!, duplicate: duplicate ?? false })
    }
  }
}

/**
 * What has become of the place of an event that was refused because something else was expected there: an earlier attempt of its own is in it,
 * or another's event. It is free where a server answers that lacks what the event follows, which happens in a cluster; who is told of a
 * lost race lets the call be (I5, decision 52).
 */
async function placeOf({ msgId, expect }: Publication): Promise<{ seq: number } | 'taken' | 'free'> {
  if (!expect?.firstAfter) return 'taken'
  const first = await expect.firstAfter(expect.seq, expect.filter)
  if (!first) return 'free'
  return first.msgId === msgId ? first : 'taken'
}

function headersOf(publication: Publication, more: Record<string, string>): MsgHdrs {
  const head = headers()
  head.set('Nats-Msg-Id', publication.msgId)
  if (publication.contentType) head.set('Content-Type', publication.contentType)
  if (publication.traceparent) head.set('traceparent', publication.traceparent)
  if (publication.expect) {
    head.set('Nats-Expected-Last-Subject-Sequence', String(publication.expect.seq))
    head.set('Nats-Expected-Last-Subject-Sequence-Subject', publication.expect.filter)
  }
  for (const [key, value] of Object.entries({ ...publication.headers, ...more })) head.set(key, value)
  return head
}

/** Whether one of a batch lost a race, or is in one: which says nothing of batches. */
function isLostRace({ error }: Reply): boolean {
  const code = error?.err_code ?? 0
  const { wrongLastSequence, idInProcess, sequenceInProcess } = apiErrors
  return [wrongLastSequence, idInProcess, sequenceInProcess].some((codes) => codes.has(code))
}

/** Of what the client would not send: over what the server takes, or the connection is closed. */
function notSent(error: unknown): Reply {
  return { error: { description: error instanceof Error ? error.message : String(error) } }
}

/** Parts what may travel in one batch from what has to wait: for another event of its history, or because the batch is full. */
function firstOfEachHistory(waiting: readonly Waiting[]): { batch: Waiting[]; others: Waiting[] } {
  const histories = new Set<string>()
  const batch: Waiting[] = []
  const others: Waiting[] = []
  let bytes = 0
  for (const one of waiting) {
    const { expect, data } = one.publication
    const history = expect?.filter
    const isFirst = history === undefined || !histories.has(history)
    if (isFirst && (batch.length === 0 || bytes + data.length <= batchMaxBytes)) {
      batch.push(one)
      bytes += data.length
    } else others.push(one)
    if (history !== undefined) histories.add(history)
  }
  return { batch, others }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
