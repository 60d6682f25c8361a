import type { Bus } from '@countersign/bus'
import {
  type CallAddress,
  type CallEvent,
  type CallEventName,
  callEvents,
  decodeEvent,
  eventType,
  callEventNames,
  type History,
  type JsonObject,
  parseMidcall,
  subjects,
} from '@countersign/contracts'

/** Something a waiting caller must know: the call is held, or it ended. */
export interface News {
  name: CallEventName
  event: CallEvent
}

/** One caller's wait for one call. */
export interface Wait {
  /**
   * The next news, from a hint or, when none comes, from the history; undefined when the time is over.
   *
   * @param untilMs instant in epoch milliseconds
   */
  next(untilMs: number): Promise<News | undefined>
  /** The gateway is stopping: a held call is to be answered as held, now. */
  readonly hurried: boolean
  done(): void
}

interface Waiting {
  arrived: (news: News) => void
  progress: (params: JsonObject) => void
  /** Ends the pause between looks at the history. */
  wake: () => void
}

const nameOfType = new Map<string, CallEventName>(callEventNames.map((name) => [eventType(name), name]))
/** Without a hint for this long the history is read; hints may be lost, the history is not. */
const pollMs = [1000, 2000, 4000] as const

/** Hands the news of calls to those who wait for them. Hints are only hints: the truth is read from the history. */
export class OutcomeBoard {
  readonly gatewayId: string
  readonly #bus: Bus
  readonly #waits = new Map<string, Set<Waiting>>()
  #hurried = false
  #listening: { stop: () => void }[] = []

  constructor(bus: Bus, gatewayId: string) {
    this.#bus = bus
    this.gatewayId = gatewayId
  }

  start(): void {
    this.#listening = [
      this.#bus.listen(subjects.replies(this.gatewayId), (_subject, payload) => this.#hint(payload)),
      this.#bus.listen(subjects.midcallDown(this.gatewayId), (subject, payload) => {
        const callId = parseMidcall(subject)?.callId
        for (const wait of (callId && this.#waits.get(callId)) || [])
          wait.progress(JSON.parse(new TextDecoder().decode(payload)))
      }),
    ]
  }

  stop(): void {
    for (const { stop } of this.#listening) stop()
  }

  /** Asks those who wait for people to be content with that: the gateway is stopping, and any replica can answer later. */
  hurry(): void {
    this.#hurried = true
    for (const waits of this.#waits.values()) for (const wait of waits) wait.wake()
  }

  /** Calls that somebody waits for here. */
  get size(): number {
    return this.#waits.size
  }

  /** Starts to wait; to be called before the request is published, so that no hint is missed. */
  wait(at: CallAddress, onProgress: (params: JsonObject) => void = () => {}): Wait {
    const queue: News[] = []
    let wake: (() => void) | undefined
    let heldSeen = false
    const entry: Waiting = {
      progress: onProgress,
      wake: () => wake?.(),
      arrived: (news: News) => {
        queue.push(news)
        wake?.()
      },
    }
    const waits = this.#waits.get(at.callId) ?? new Set()
    this.#waits.set(at.callId, waits.add(entry))

    const next = async (untilMs: number): Promise<News | undefined> => {
      for (let polls = 0; ; polls++) {
        for (let news = queue.shift(); news; news = queue.shift()) {
          if (news.name === 'held' && heldSeen) continue
          heldSeen ||= news.name === 'held'
          return news
        }
        const now = Date.now()
        if (now >= untilMs || (heldSeen && this.#hurried)) return undefined
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        const timer = setTimeout(resolve, Math.min(untilMs - now, pollMs[Math.min(polls, pollMs.length - 1)]!))
        await promise
        clearTimeout(timer)
        if (queue.length > 0) continue
        const history = await this.#bus.history(at).catch(() => undefined)
        const news = history && newsOf(history)
        if (news) queue.push(news)
      }
    }
    const hurried = () => this.#hurried
    return {
      next,
      get hurried() {
        return hurried()
      },
      done: () => {
        waits.delete(entry)
        if (waits.size === 0) this.#waits.delete(at.callId)
      },
    }
  }

  #hint(payload: Uint8Array): void {
    let peek: { type?: unknown; subject?: unknown }
    try {
      peek = JSON.parse(new TextDecoder().decode(payload))
    } catch {
      return
    }
    const name = nameOfType.get(String(peek.type))
    const waits = this.#waits.get(String(peek.subject))
    if (!name || !waits || !(name === 'held' || callEvents[name].final)) return
    const event = decodeEvent(name, payload)
    for (const wait of waits) wait.arrived({ name, event })
  }
}

/** What a history has to tell a caller: how it ended, or that it is held; undefined while it is on its way. */
export function newsOf(history: History): News | undefined {
  if (history.final) return { name: history.final.name, event: history.final.event }
  return history.waiting ? { name: 'held', event: history.find('held')! } : undefined
}
