import type { Bus, BusFault } from '@countersign/bus'
import { count, subjects } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'
import { z } from 'zod'

/** What the server tells when a reader refused a message for good. */
const Refused = z.object({
  stream: z.string(),
  consumer: z.string(),
  stream_seq: z.int(),
  timestamp: z.iso.datetime(),
  reason: z.string().default('it could not be read'),
})

/** Consumers remembered at most; each has its last message. */
const maxRemembered = 100

/** Remembers which messages services refused as unreadable since the console was started: forged, damaged, or of a newer version. */
export class UnreadableMessages implements Part {
  readonly name = 'unreadable messages'
  readonly #bus: Bus
  readonly #last = new Map<string, z.infer<typeof Refused> & { count: number }>()
  #listening: { stop: () => void } | undefined

  constructor(bus: Bus) {
    this.#bus = bus
  }

  start(): void {
    this.#listening = this.#bus.listen(subjects.unreadable('*', '*'), (_subject, payload) => this.#hear(payload))
  }

  stop(): void {
    this.#listening?.stop()
  }

  /** One fault a consumer. */
  get faults(): BusFault[] {
    return [...this.#last.values()].map(({ stream, consumer, stream_seq: seq, timestamp, reason, count: refused }) => ({
      what: `consumer ${consumer}`,
      problem: `refused ${count(refused, 'message')} for good, the last one at ${timestamp} (${stream}, sequence ${seq}): ${reason}`,
      remedy: 'find out who stored it: the message and its time are in the audit log; it was not acted on',
    }))
  }

  #hear(payload: Uint8Array): void {
    const { data } = Refused.safeParse(JSON.parse(new TextDecoder().decode(payload)))
    if (!data) return
    const refused = (this.#last.get(data.consumer)?.count ?? 0) + 1
    if (refused === 1 && this.#last.size >= maxRemembered) return
    this.#last.set(data.consumer, { ...data, reason: data.reason.slice(0, 200), count: refused })
  }
}
