import type { Writable } from 'node:stream'
import type { Bus, Consumption } from '@countersign/bus'
import { CountersignError, type Principal, subjects, verbs } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import { isOperator } from '../may-see.ts'
import { callNotice } from './call-notice.ts'
import { LiveClient } from './live-client.ts'

/** Bounds of the feed. */
export interface FeedLimits {
  maxClients: number
  /** What one client may leave unread before it is dropped. */
  maxBufferedBytes: number
  heartbeatMs: number
}

export const defaultFeedLimits: FeedLimits = { maxClients: 100, maxBufferedBytes: 256 * 1024, heartbeatMs: 15_000 }

const replayPage = { maxMessages: 200, maxBytes: 4 * 1024 * 1024 }

/** The live feed of calls: the stream is followed once for all readers, while there are any. */
export class CallFeed {
  readonly #bus: Bus
  readonly #log: Logger
  readonly #limits: FeedLimits
  readonly #clients = new Map<LiveClient, () => Promise<unknown>>()
  #following: Promise<Consumption> | undefined
  #stopping: Promise<void> | undefined
  #heartbeat: NodeJS.Timeout | undefined

  constructor(bus: Bus, log: Logger, limits: FeedLimits) {
    this.#bus = bus
    this.#log = log
    this.#limits = limits
  }

  /** Readers at present. */
  get size(): number {
    return this.#clients.size
  }

  /**
   * Takes in a reader. What is stored after this resolves reaches it; given the last event it has, what it missed comes first.
   *
   * @param recheck fails when the viewer's token is no longer good
   * @param ready called when the reader is taken in, before anything is written
   * @throws CountersignError `overloaded` when there are too many readers, `service_unavailable` when calls cannot be followed
   */
  async open(
    reader: { viewer: Principal; out: Writable; recheck: () => Promise<unknown>; lastSeq: number | undefined },
    ready: () => void,
  ): Promise<void> {
    const { viewer, out, recheck, lastSeq } = reader
    if (this.#clients.size >= this.#limits.maxClients) {
      throw new CountersignError(
        'overloaded',
        'too many readers follow the calls already; close one, or ask again later',
      )
    }
    const client = new LiveClient(viewer, out, this.#limits.maxBufferedBytes)
    this.#clients.set(client, recheck)
    void client.gone.then(() => this.#leave(client))
    let newest: number
    try {
      await this.#follow()
      newest = (await this.#bus.streamInfo('CALLS')).lastSeq
      // A place beyond the end is one of an older stream: there is nothing to go on from.
      client.startAfter(Math.min(lastSeq ?? newest, newest))
      for (const callId of await this.#votable(viewer)) client.remember(callId)
    } catch (cause) {
      this.#leave(client)
      throw new CountersignError(
        'service_unavailable',
        'the calls cannot be followed now, because the bus does not answer; ask again in a moment',
        { cause },
      )
    }
    ready()
    try {
      if (lastSeq !== undefined) await this.#replay(client, lastSeq, newest)
      client.goLive()
    } catch (err) {
      this.#log.warn({ err }, 'calls cannot be replayed')
      client.drop('service_unavailable', 'what was missed cannot be read now; connect again with Last-Event-ID')
    }
  }

  /** Ends the feed for everybody. */
  async stop(): Promise<void> {
    for (const client of this.#clients.keys()) {
      client.drop('service_unavailable', 'the console stops; connect again with Last-Event-ID to go on')
      this.#leave(client)
    }
    await this.#stopping
  }

  #leave(client: LiveClient): void {
    if (!this.#clients.delete(client) || this.#clients.size > 0) return
    clearInterval(this.#heartbeat)
    this.#stopping = this.#following?.then((each) => each.stop()).catch(() => {})
    this.#following = undefined
  }

  #follow(): Promise<Consumption> {
    if (!this.#following) {
      clearInterval(this.#heartbeat)
      this.#heartbeat = setInterval(() => this.#beat(), this.#limits.heartbeatMs).unref()
      const onProblem = (err: unknown) => this.#log.warn({ err }, 'calls cannot be followed; trying again')
      this.#following = this.#bus.follow('CALLS', { filter: subjects.allCalls, onProblem }, (message) => {
        const notice = callNotice(message)
        if (notice) for (const client of this.#clients.keys()) client.hear(notice)
      })
      this.#following.catch(() => (this.#following = undefined))
    }
    return this.#following
  }

  /** Tells what a reader missed, up to what was stored when it came; the live feed has the rest. */
  async #replay(client: LiveClient, lastSeq: number, newest: number): Promise<void> {
    for (let next = lastSeq + 1; next <= newest && !client.ended;) {
      const page = await this.#bus.readStream('CALLS', next, replayPage)
      if (page.length === 0) return
      for (const message of page) {
        const notice = callNotice(message)
        if (notice) client.tell(notice)
      }
      next = page.at(-1)!.seq + 1
      await client.drained()
    }
  }

  async #votable(viewer: Principal): Promise<string[]> {
    if (isOperator(viewer)) return []
    try {
      const { approvals } = await this.#bus.callApi(verbs.policy.approvals, { viewer, all: false }, 2000)
      return approvals.filter(({ tenant }) => tenant === viewer.tenant).map(({ callId }) => callId)
    } catch (err) {
      this.#log.warn({ err }, 'policy does not say which calls a reader may vote on; they are shown only what comes')
      return []
    }
  }

  #beat(): void {
    for (const [client, recheck] of this.#clients) {
      client.beat()
      // A token that was taken away ends the feed it opened.
      recheck().catch(() =>
        client.drop('unauthenticated', 'the token of this feed is no longer good; get a new one and connect again'),
      )
    }
  }
}
