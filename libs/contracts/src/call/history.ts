import { type CallEvent, decodeEvent } from './envelope.ts'
import { type CallEventData, callEvents, type CallEventName, isCallEventName } from './events.ts'

/** One stored event with its place in the stream. */
export interface HistoryEntry {
  seq: number
  name: CallEventName
  event: CallEvent
}

/** The linear history of one call, oldest first (I2). */
export class History {
  readonly entries: readonly HistoryEntry[]

  constructor(entries: readonly HistoryEntry[]) {
    this.entries = entries
  }

  /** Builds a history from stored messages, in stream order. Messages of unknown kinds are left out. */
  static decode(messages: Iterable<{ seq: number; event: string; data: Uint8Array }>): History {
    const entries: HistoryEntry[] = []
    for (const message of messages) {
      if (!isCallEventName(message.event)) continue
      entries.push({ seq: message.seq, name: message.event, event: decodeEvent(message.event, message.data) })
    }
    return new History(entries)
  }

  get last(): HistoryEntry | undefined {
    return this.entries.at(-1)
  }

  /** The sequence the next publish must name as the last one; 0 for a call without history. */
  get lastSeq(): number {
    return this.last?.seq ?? 0
  }

  /** The name of the last event: where the call stands. */
  get state(): CallEventName | undefined {
    return this.last?.name
  }

  /** The last event of a name, with its data typed. */
  find<N extends CallEventName>(name: N): CallEvent<N> | undefined {
    return this.entries.findLast((entry) => entry.name === name)?.event
  }

  all<N extends CallEventName>(name: N): CallEvent<N>[] {
    return this.entries.filter((entry) => entry.name === name).map((entry) => entry.event as CallEvent<N>)
  }

  /** The event that ended the call; undefined while it is open (I5). */
  get final(): HistoryEntry | undefined {
    return this.entries.findLast((entry) => callEvents[entry.name].final)
  }

  /** Waiting for people: held (or voted) and not decided. */
  get waiting(): boolean {
    return this.state === 'held' || this.state === 'previewed' || this.state === 'voted'
  }
}

/** True when `next` may be written after `previous` (undefined: as the first event). */
export function mayFollow(previous: CallEventName | undefined, next: CallEventName): boolean {
  const { follows } = callEvents[next] as { follows: readonly string[] }
  return previous === undefined ? follows.length === 0 : follows.includes(previous)
}

/** How the votes of a held call stand. */
export interface Tally {
  approvals: { approver: string; at: string; digest: string }[]
  rejection: { approver: string; comment?: string | undefined } | undefined
  reached: boolean
}

/** Counts the votes over the digest that was held; each person counts once (I4). */
export function tally(
  quorum: number,
  votes: readonly CallEvent<'voted'>[],
  digest: CallEventData<'held'>['digest'],
): Tally {
  const approvals = new Map<string, { approver: string; at: string; digest: string }>()
  let rejection: Tally['rejection']
  for (const { data, time } of votes) {
    if (data.digest !== digest) continue
    if (data.vote === 'reject') rejection ??= { approver: data.approver, comment: data.comment }
    else if (!approvals.has(data.approver)) {
      approvals.set(data.approver, { approver: data.approver, at: time, digest: data.digest })
    }
  }
  return { approvals: [...approvals.values()], rejection, reached: approvals.size >= quorum }
}
