import { callEvents, isCallEventName, mayFollow, streams } from '@countersign/contracts'
import { invalidCallId } from './check-order.ts'
import { callIdOf, noCall, type UnpackedFacts } from './pack-facts.ts'
import type { Problem } from './problem.ts'
import { type Run, SequenceSet } from './sequence-set.ts'

/** A call that has begun and not ended, or whose outcome is unknown. */
interface OpenCall {
  state: string
  file: string
  entry: number
  dueMs: number
}

/** One stream that records come from. */
interface StreamSeen {
  name: string
  created: string
  sealed: SequenceSet
  last: number
  /** Missing, and told of where that shows. */
  gaps: Run[]
}

/** After a call should have gone on, this much more is allowed for clocks and for catching up. */
const graceMs = 15 * 60 * 1000
const callsStream = streams.CALLS.name

/** Checks what records say together: nothing is missing, twice or out of order, and calls pass as they may. */
export class RecordChecker {
  readonly #tell: (problem: Problem) => void
  readonly #streams = new Map<string, StreamSeen>()
  readonly #calls = new Map<string, OpenCall>()
  /** Of the tree that is read: the newest of each stream by name, and streams that were made anew since. */
  #last = new Map<string, { seq: number; created: string }>()
  /** Of each tree that was read, the newest of each stream. */
  readonly #ends: ReadonlyMap<string, { seq: number; created: string }>[] = []
  readonly #passed = new Set<string>()
  #newestMs = 0
  /** Something before could not be read or is missing, so calls may go on from what is not known. */
  #gap = false
  #unreadable = false
  records = 0
  ended = 0

  constructor(tell: (problem: Problem) => void) {
    this.#tell = tell
  }

  get open(): number {
    return this.#calls.size
  }

  /** Another tree follows. */
  beginTree(): void {
    this.#ends.push((this.#last = new Map()))
    this.#passed.clear()
  }

  /** True when events are missing that no tree told of. */
  get misses(): boolean {
    return this.#missing().next().done !== true
  }

  /** A record that a tree has beyond its checkpoint; it is not missed then, and says nothing else. */
  addSince({ stream, seq, created }: { stream: string; seq: number; created: string }): void {
    this.#streams.get(`${stream} ${created}`)?.sealed.add(seq)
  }

  /** The next record of the tree; undefined for one that cannot be read. */
  add(facts: UnpackedFacts | undefined, file: string, entry: number): void {
    if (!facts) {
      this.#gap = true
      this.#unreadable = true
      return
    }
    this.records += 1
    const { storedMs } = facts
    if (storedMs > this.#newestMs) this.#newestMs = storedMs
    this.#checkPlace(facts, file, entry)
    this.#checkCall(facts, file, entry)
  }

  /**
   * All trees were read.
   *
   * @param whole false when only one of several trees is there: then what another one may have is not missed
   */
  end(whole: boolean): void {
    for (const { stream, from, to } of whole ? this.#missing() : []) {
      const { name, created } = stream
      const which = from === to ? `event ${from} of ${name} was` : `events ${from} to ${to} of ${name} were`
      const reason = `${which} sealed, as what follows says, but in no log that is here (stream of ${created})`
      const hint = this.#mayFollow(stream, from)
        ? '. Either that was lost or taken away, or this is a copy that has its trees as of different moments: copy all checkpoints first'
        : ''
      this.#tell({ file: 'all logs', reason: reason + hint })
    }
    for (const [call, { state, file, entry, dueMs }] of this.#calls) {
      if (state === 'unknown' || this.#newestMs <= dueMs + graceMs) continue
      const until = new Date(dueMs).toISOString()
      this.#tell({
        file,
        entry,
        reason: `call ${callIdOf(call)} has no final event: this one, ${state}, is its last, and it had until ${until}`,
      })
    }
  }

  /** True when an event may come after all that some tree has of its stream. */
  #mayFollow({ name, created }: StreamSeen, seq: number): boolean {
    const ends = this.#ends.map((last) => last.get(name))
    return ends.some((end) => !end || (end.created === created && end.seq < seq))
  }

  *#missing(): Generator<Run & { stream: StreamSeen }> {
    // What could not be read was told of.
    for (const stream of this.#unreadable ? [] : this.#streams.values()) {
      const { sealed, last, gaps } = stream
      for (const run of without(sealed.missingUpTo(last), gaps)) yield { ...run, stream }
    }
  }

  #checkPlace({ stream: name, seq, previous, created }: UnpackedFacts, file: string, entry: number): void {
    const last = this.#last.get(name)
    if (last && created !== last.created) {
      this.#passed.add(`${name} ${last.created}`)
      if (this.#passed.has(`${name} ${created}`))
        this.#tell({ file, entry, reason: `it is of the stream ${name} of ${created}, which had ended` })
    } else if (last && seq <= last.seq) {
      const how = seq === last.seq ? 'sealed twice' : `out of order: it comes after event ${last.seq}`
      this.#tell({ file, entry, reason: `event ${seq} of ${name} is ${how}` })
    }
    this.#last.set(name, { seq, created })
    const stream = this.#stream(name, created)
    if (!stream.sealed.add(seq) && !(last?.created === created && seq <= last.seq)) {
      this.#tell({ file, entry, reason: `event ${seq} of ${name} is sealed in another log too` })
    }
    stream.last = Math.max(stream.last, seq)
    if (previous < seq - 1) {
      if (name === callsStream) this.#gap = true
      stream.gaps.push({ from: previous + 1, to: seq - 1 })
      const missing =
        previous === seq - 2 ? `event ${seq - 1} of ${name} is` : `events ${previous + 1} to ${seq - 1} of ${name} are`
      this.#tell({
        file,
        entry,
        reason: `a gap: ${missing} missing, which left the stream before audit had sealed them`,
      })
    } else if (previous >= seq) {
      this.#tell({ file, entry, reason: `it says that it is event ${seq} and comes after event ${previous}` })
    }
  }

  #checkCall({ call, event, storedMs, dueMs }: UnpackedFacts, file: string, entry: number): void {
    if (!isCallEventName(event) || call === noCall || callIdOf(call) === invalidCallId) return
    const open = this.#calls.get(call)
    const before = open?.state
    if (
      !mayFollow(isCallEventName(before ?? '') ? (before as typeof event) : undefined, event) &&
      !(this.#gap && !open)
    ) {
      const after = before === undefined ? 'nothing that came before it' : before
      this.#tell({ file, entry, reason: `call ${callIdOf(call)}: ${event} may not follow ${after}` })
    }
    if (callEvents[event].final && event !== 'unknown') {
      this.#calls.delete(call)
      this.ended += 1
      return
    }
    this.#calls.set(call, { state: event, file, entry, dueMs: Math.max(open?.dueMs ?? storedMs, dueMs) })
  }

  #stream(name: string, created: string): StreamSeen {
    const key = `${name} ${created}`
    let stream = this.#streams.get(key)
    if (!stream) this.#streams.set(key, (stream = { name, created, sealed: new SequenceSet(), last: 0, gaps: [] }))
    return stream
  }
}

/** What is left of runs when others are taken out of them. */
export function* without(runs: Iterable<Run>, out: readonly Run[]): Generator<Run> {
  const gaps = out.toSorted((a, b) => a.from - b.from)
  // Those that begin at or after a place reach no further left, but one that begins before may reach further right than the next.
  let place = 0
  let reached = 0
  for (const run of runs) {
    let { from } = run
    if (reached >= from) from = reached + 1
    for (; place < gaps.length && gaps[place]!.from <= run.to; place++) {
      const gap = gaps[place]!
      if (gap.from > from) yield { from, to: Math.min(gap.from - 1, run.to) }
      reached = Math.max(reached, gap.to)
      from = Math.max(from, reached + 1)
    }
    if (from <= run.to) yield { from, to: run.to }
  }
}
