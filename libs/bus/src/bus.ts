/**
 * The bus: the one way services reach NATS.
 *
 * File map: publisher.ts (store an event) · activity-log.ts (store what a service did) · room.ts (who may still store when space is short) · history.ts (read a call back) · consume.ts and consume-batches.ts, with delivery.ts (durable consumers, and the one place
 * that maps a handler's end to ack, nak or term) · errors.ts (what the store says and does not say, in our words) · follow.ts (watch a stream) · request-reply.ts (`api.<service>.<verb>`) · subject-covers.ts · bucket.ts · payloads.ts ·
 * provision.ts (make and check streams) · find-faults.ts (what is not right) · server/ (the nats-server binary and its configuration).
 */
import {
  type BucketName,
  type BusUser,
  type CallEvent,
  type CallEventName,
  inboxPrefix,
  subjects,
} from '@countersign/contracts'
import { type CallAddress, eventContentType, type History, type StreamName } from '@countersign/contracts'
import {
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  jetstreamManager,
  type JetStreamManager,
  type NextMsgRequest,
  type SeqMsgRequest,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { Bucket } from './bucket.ts'
import { consume, type ConsumeOptions, type Consumption } from './consume.ts'
import { type BatchOptions, consumeBatches } from './consume-batches.ts'
import { type Backlog, consumerBacklog } from './consumer-backlog.ts'
import { follow, type Followed, type FollowOptions } from './follow.ts'
import { ensureConsumer } from './ensure-consumer.ts'
import { fromStore } from './errors.ts'
import { type BusFault, findBusFaults } from './find-faults.ts'
import { readHistory } from './history.ts'
import { readStream } from './read-stream.ts'
import { Room } from './room.ts'
import { Payloads } from './payloads.ts'
import { type Publication, Publisher, type Stored } from './publisher.ts'
import { callApi, serveApi } from './request-reply.ts'
import { subjectCovers } from './subject-covers.ts'

/** How to connect. */
export interface BusOptions {
  url: string
  user: BusUser
  password: string
  /** Called when the connection goes away and when it is back. */
  onStatus?: (up: boolean, detail: string) => void
}

/** Whether several servers keep a stream is asked again after this: it may be scaled while services run. */
const replicatedForMs = 60_000

/** A connection to the bus, as one of its users. */
export class Bus {
  readonly #nc: NatsConnection
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #publisher: Publisher
  readonly #room: Room
  readonly #inboxPrefix: string
  /** Whether several servers keep `CALLS`. */
  #replicated: { known: Promise<boolean>; askedAt: number } | undefined
  readonly payloads: Payloads
  readonly callApi: ReturnType<typeof callApi>
  readonly serveApi: ReturnType<typeof serveApi>

  constructor(nc: NatsConnection, jsm: JetStreamManager, publisher: Publisher, inboxPrefix: string) {
    this.#inboxPrefix = inboxPrefix
    this.#nc = nc
    this.#js = jetstream(nc, { checkAPI: false, timeout: 5000 })
    this.#jsm = jsm
    this.#publisher = publisher
    this.#room = new Room(async () => {
      const { state, config } = await jsm.streams.info('CALLS')
      return { bytes: state.bytes, maxBytes: config.max_bytes }
    })
    this.payloads = new Payloads(this.#js, jsm)
    this.callApi = callApi(nc)
    this.serveApi = serveApi(nc)
  }

  get connected(): boolean {
    return this.#publisher.up
  }

  /** Whether the server answers within so many ms: one that hangs keeps its connections, and takes what is sent. */
  async answers(withinMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, withinMs, false)))
    const inTime = this.#nc.flush().then(
      () => true,
      () => false,
    )
    return Promise.race([inTime, late]).finally(() => clearTimeout(timer))
  }

  /** How often the connection was made anew; what was read from the server before may be out of date. */
  get reconnects(): number {
    return this.#publisher.reconnects
  }

  /** Stores a message by itself, in any stream; see `Publisher.publish`. */
  store(publication: Publication, deadlineMs: number): Promise<Stored> {
    return this.#publisher.publish({ ...publication, alone: true }, deadlineMs)
  }

  /** Stores messages of a stream with one writer, in order, with one acknowledgement; see `Publisher.publishRun`. */
  storeRun(run: readonly Publication[], lastSeq: number, deadlineMs: number): Promise<number> {
    return this.#publisher.publishRun(run, lastSeq, deadlineMs)
  }

  /**
   * Stores the next event of a call, given the sequence of the event it follows (0: none), so that of two writers one wins (I2).
   *
   * @throws LostRace, CountersignError as `Publisher.publish` does
   */
  async publishEvent<N extends CallEventName>(
    at: CallAddress,
    name: N,
    event: CallEvent<N>,
    follows: number,
    deadlineMs: number,
  ): Promise<Stored> {
    const data = encode(event)
    const settled = await this.#room.take(name, data.length)
    const stored = this.#publisher.publish(
      {
        subject: subjects.call(at, name),
        data,
        msgId: event.id,
        contentType: eventContentType,
        traceparent: event.traceparent,
        // Any server: one idempotency key names one call, whichever server it is for.
        expect: {
          filter: subjects.callHistory({ ...at, server: follows === 0 ? '*' : at.server }),
          seq: follows,
          firstAfter: (seq, filter) => this.#firstAfter(seq, filter),
        },
      },
      deadlineMs,
    )
    return stored.finally(settled)
  }

  /** The first event of calls after a sequence. */
  async #firstAfter(seq: number, filter: string): Promise<{ seq: number; msgId: string } | undefined> {
    const query: SeqMsgRequest & NextMsgRequest = { seq: seq + 1, next_by_subj: filter }
    // Of the leader: another server may not have it yet.
    const message = await fromStore(this.#jsm.streams.getMessage('CALLS', query))
    return message ? { seq: message.seq, msgId: message.header.get('Nats-Msg-Id') } : undefined
  }

  /** Reads a call's history, oldest first; the server may be `*` where it is not known. */
  async history(at: CallAddress): Promise<History> {
    return fromStore(this.#isReplicated().then((replicated) => readHistory(this.#jsm, at, replicated)))
  }

  #isReplicated(): Promise<boolean> {
    const now = performance.now()
    if (this.#replicated && now - this.#replicated.askedAt < replicatedForMs) return this.#replicated.known
    const known = this.#jsm.streams.info('CALLS').then(({ config }) => config.num_replicas > 1)
    known.catch(() => (this.#replicated = undefined))
    this.#replicated = { known, askedAt: now }
    return known
  }

  consume(options: ConsumeOptions): Consumption {
    return consume(this.#nc, this.#inboxPrefix, options)
  }

  consumeBatches(options: BatchOptions): Consumption {
    return consumeBatches(this.#nc, this.#inboxPrefix, options)
  }

  /** Watches a stream in order, without a consumer; see `follow`. */
  follow(stream: StreamName, options: FollowOptions, onMessage: (message: Followed) => void): Promise<Consumption> {
    return follow(this.#jsm, stream, options, onMessage)
  }

  /** Reads messages of a stream in order, without a consumer; see `readStream`. */
  readStream(
    stream: StreamName,
    fromSeq: number,
    limits: { maxMessages: number; maxBytes: number },
  ): Promise<Followed[]> {
    return fromStore(readStream(this.#jsm, stream, fromSeq, limits))
  }

  /** Opens a bucket that the set-up has made. */
  async bucket(name: BucketName): Promise<Bucket> {
    return new Bucket(await new Kvm(this.#js).open(name), this.#jsm, name)
  }

  /** Tells whoever listens now; nothing is stored, so it may only ever be a hint. */
  hint(subject: string, payload: Uint8Array): void {
    this.#nc.publish(subject, payload)
  }

  /**
   * Listens on core NATS; returns the way to stop. What comes under another subject is not heard: whoever may make a consumer can have the
   * server push messages to any subject, and they keep the subject under which they are stored (I11).
   */
  listen(subject: string, handler: (subject: string, payload: Uint8Array) => void): { stop: () => void } {
    const subscription: Subscription = this.#nc.subscribe(subject, {
      callback: (error, message) => {
        if (error || !subjectCovers(subject, message.subject)) return
        try {
          handler(message.subject, message.data)
        } catch {
          // A hint that cannot be read is none. Thrown into the client it would end its reading, of everything on this connection.
        }
      },
    })
    return { stop: () => subscription.unsubscribe() }
  }

  /** Creates or changes a durable consumer. */
  async ensureConsumer(
    consumer: { stream: string; name: string; filter: string },
    settings: { maxAckPending: number; ackWaitMs: number },
  ) {
    await ensureConsumer(this.#jsm, consumer.stream, {
      durable_name: consumer.name,
      filter_subject: consumer.filter,
      ack_policy: 'explicit',
      ack_wait: settings.ackWaitMs * 1e6,
      max_ack_pending: settings.maxAckPending,
      max_deliver: -1,
    })
  }

  /** Names of the durable consumers of a stream. */
  async consumerNames(stream: StreamName): Promise<string[]> {
    const names: string[] = []
    for await (const { name } of this.#jsm.consumers.list(stream)) names.push(name)
    return names
  }

  /** Messages a consumer has still to acknowledge, delivered or not. */
  async consumerLag(stream: StreamName, name: string): Promise<number> {
    const info = await fromStore(this.#jsm.consumers.info(stream, name))
    return info.num_pending + info.num_ack_pending
  }

  /** The same, and how long the oldest of them has been waiting; see `consumerBacklog`. */
  consumerBacklog(stream: StreamName, name: string): Promise<Backlog> {
    return fromStore(consumerBacklog(this.#jsm, stream, name))
  }

  /** Whether somebody takes a consumer's messages just now, and how many are left; undefined when there is no such consumer. */
  async consumerState(stream: StreamName, name: string): Promise<{ attended: boolean; lag: number } | undefined> {
    const info = await fromStore(this.#jsm.consumers.info(stream, name)).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return undefined
      throw error
    })
    if (!info) return undefined
    // A reader has a pull waiting, or its hands full.
    return { attended: info.num_waiting > 0 || info.num_ack_pending > 0, lag: info.num_pending + info.num_ack_pending }
  }

  /** Removes messages from a stream: of a subject filter, below a sequence, or all but the last `keep`. */
  async purge(stream: StreamName, what: { filter?: string; seq?: number; keep?: number }): Promise<number> {
    const { purged } = await fromStore(this.#jsm.streams.purge(stream, what as { filter: string }))
    return purged
  }

  /** The state of a stream, with message counts of the subjects that match `subjectsFilter`, and, on a cluster, who keeps it. */
  async streamInfo(stream: StreamName, subjectsFilter?: string) {
    const info = await fromStore(
      this.#jsm.streams.info(stream, subjectsFilter === undefined ? undefined : { subjects_filter: subjectsFilter }),
    )
    return {
      created: info.created,
      firstSeq: info.state.first_seq,
      lastSeq: info.state.last_seq,
      bytes: info.state.bytes,
      maxBytes: info.config.max_bytes,
      subjects: info.state.subjects ?? {},
      leader: info.cluster?.leader,
      followers: (info.cluster?.replicas ?? []).map(({ name, current }) => ({ name, current })),
    }
  }

  /** The newest message of a stream under a subject, which may have wildcards; undefined when there is none. */
  async newestOf(stream: StreamName, subject: string): Promise<{ seq: number; data: Uint8Array } | undefined> {
    // Of the leader: another server may not have it yet.
    const message = await fromStore(this.#jsm.streams.getMessage(stream, { last_by_subj: subject }))
    return message ? { seq: message.seq, data: message.data } : undefined
  }

  /** What was stored last under a subject, by any server that has it: it may be a moment old. */
  async lastStored(stream: StreamName, subject: string): Promise<{ seq: number; msgId: string } | undefined> {
    const message = await fromStore(this.#jsm.direct.getMessage(stream, { last_by_subj: subject }))
    return message ? { seq: message.seq, msgId: message.header.get('Nats-Msg-Id') } : undefined
  }

  /** The message of a stream under a sequence, for tests that look at what was stored; undefined where none can be read. */
  async lastMessage(stream: StreamName, seq: number) {
    const message = await this.#jsm.direct.getMessage(stream, { seq }).catch(() => null)
    return message
      ? { subject: message.subject, data: message.data, header: (key: string) => message.header.get(key) }
      : undefined
  }

  /** What is not right with server, streams and consumers; see `findBusFaults`. */
  findFaults(): Promise<BusFault[]> {
    return findBusFaults(this.#jsm, this.#nc.info!)
  }

  /** Finishes what is in hand, while the server is there for it, and closes the connection. */
  async close(): Promise<void> {
    // Without a server that answers nothing would ever be finished.
    const patience = new Promise((resolve) => setTimeout(resolve, drainMs).unref())
    if (this.connected) await Promise.race([this.#nc.drain().catch(() => {}), patience])
    await this.#nc.close()
  }
}

/** A server that answers takes a round trip. */
const drainMs = 1500
const encoder = new TextEncoder()

/** JSON as bytes. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

/** Connects; waits for the server for as long as it takes, and reconnects for ever. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const prefix = inboxPrefix(options.user)
  const nc = await connect({
    servers: options.url.split(','),
    name: options.user,
    user: options.user,
    pass: options.password,
    inboxPrefix: prefix,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    waitOnFirstConnect: true,
    pingInterval: 5000,
    maxPingOut: 2,
  })
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: 5000 })
  const publisher = new Publisher(nc, prefix)
  void watchStatus(nc, publisher, options.onStatus)
  return new Bus(nc, jsm, publisher, prefix)
}

async function watchStatus(nc: NatsConnection, publisher: Publisher, onStatus: BusOptions['onStatus']): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect') {
      publisher.connected(false)
      onStatus?.(false, status.server)
    } else if (status.type === 'reconnect') {
      publisher.connected(true)
      onStatus?.(true, status.server)
    } else if (status.type === 'error') onStatus?.(true, status.error.message)
  }
}
