import type { CallAddress } from '@countersign/contracts'

/** A call that has ended and is still in the stream. */
export interface EndedCall extends CallAddress {
  /** Sequence of its first and of its final event. */
  firstSeq: number
  lastSeq: number
  endedMs: number
}

const chunkSize = 1024

/** Columns instead of objects: 44 bytes a call, because ten minutes of calls can be a million. */
class Chunk {
  readonly ids = new Uint8Array(16 * chunkSize)
  readonly places = new Uint32Array(chunkSize)
  readonly firstSeqs = new Float64Array(chunkSize)
  readonly lastSeqs = new Float64Array(chunkSize)
  readonly endedMs = new Float64Array(chunkSize)
  length = 0
  minFirstSeq = Number.POSITIVE_INFINITY
}

/** Ended calls in the order in which they ended. */
export class EndedCalls {
  readonly #chunks: Chunk[] = []
  /** How many of the first chunk are gone. */
  #gone = 0
  /** When the newest ended, and the newest of those whose time had come. */
  #newestMs = Number.NEGATIVE_INFINITY
  #believedMs = Number.NEGATIVE_INFINITY
  readonly #places: { tenant: string; server: string }[] = []
  readonly #placeNumbers = new Map<string, number>()

  get size(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0) - this.#gone
  }

  /** @param nowMs no call ended after it, whatever the clock says that stamped it */
  push({ tenant, server, callId, firstSeq, lastSeq, endedMs }: EndedCall, nowMs: number): void {
    this.#take(endedMs, nowMs)
    let chunk = this.#chunks.at(-1)
    if (!chunk || chunk.length === chunkSize) this.#chunks.push((chunk = new Chunk()))
    const at = chunk.length++
    chunk.ids.set(Buffer.from(callId.replaceAll('-', ''), 'hex'), at * 16)
    chunk.places[at] = this.#placeNumber(tenant, server)
    chunk.firstSeqs[at] = firstSeq
    chunk.lastSeqs[at] = lastSeq
    chunk.endedMs[at] = this.#newestMs
    chunk.minFirstSeq = Math.min(chunk.minFirstSeq, firstSeq)
  }

  /** The call at a place from the oldest; undefined beyond the newest. */
  at(place: number): EndedCall | undefined {
    const chunk = this.#chunks[Math.floor((place + this.#gone) / chunkSize)]
    const at = (place + this.#gone) % chunkSize
    if (!chunk || at >= chunk.length) return undefined
    const { tenant, server } = this.#places[chunk.places[at]!]!
    const hex = Buffer.from(chunk.ids.buffer, at * 16, 16).toString('hex')
    const callId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    return {
      tenant,
      server,
      callId,
      firstSeq: chunk.firstSeqs[at]!,
      lastSeq: chunk.lastSeqs[at]!,
      endedMs: chunk.endedMs[at]!,
    }
  }

  /** Forgets the oldest calls. */
  shift(count: number): void {
    this.#gone += count
    while (this.#gone >= chunkSize) {
      this.#chunks.shift()
      this.#gone -= chunkSize
    }
  }

  /** How many calls, from the oldest, ended at or before an instant. */
  endedBy(instantMs: number): number {
    let count = -this.#gone
    for (const chunk of this.#chunks) {
      let at = count < 0 ? -count : 0
      if (chunk.length > 0 && chunk.endedMs[chunk.length - 1]! <= instantMs) at = chunk.length
      while (at < chunk.length && chunk.endedMs[at]! <= instantMs) at++
      count += at
      if (at < chunk.length) break
    }
    return Math.max(0, count)
  }

  /** The lowest first sequence of the calls from a place on. */
  minFirstSeq(from = 0): number {
    let min = Number.POSITIVE_INFINITY
    const start = from + this.#gone
    for (const [number, chunk] of this.#chunks.entries()) {
      const begin = start - number * chunkSize
      if (begin <= 0) min = Math.min(min, chunk.minFirstSeq)
      else for (let at = begin; at < chunk.length; at++) min = Math.min(min, chunk.firstSeqs[at]!)
    }
    return min
  }

  /** How many calls, from the oldest, have all their events below a sequence. */
  wholeBelow(seq: number): number {
    let place = 0
    for (const chunk of this.#chunks) {
      for (let at = place === 0 ? this.#gone : 0; at < chunk.length; at++, place++) {
        if (chunk.lastSeqs[at]! >= seq) return place
      }
    }
    return place
  }

  /** The places, among the oldest `count`, of calls with events on both sides of a sequence. */
  straddling(seq: number, count: number): number[] {
    const found: number[] = []
    for (let place = 0; place < count; place++) {
      const chunk = this.#chunks[Math.floor((place + this.#gone) / chunkSize)]!
      const at = (place + this.#gone) % chunkSize
      if (chunk.firstSeqs[at]! < seq && chunk.lastSeqs[at]! >= seq) found.push(place)
    }
    return found
  }

  /** Keeps times in order, whatever the clocks do: a call may stay longer, never shorter. */
  #take(endedMs: number, nowMs: number): void {
    this.#believedMs = Math.min(this.#believedMs, nowMs)
    if (endedMs <= nowMs) this.#believedMs = Math.max(this.#believedMs, endedMs)
    // One whose time has come tells of those before it by when they had ended; else all that follows would wait with them.
    const newestMs = endedMs <= nowMs ? this.#believedMs : nowMs
    if (newestMs < this.#newestMs) this.#noneAfter(newestMs)
    this.#newestMs = newestMs
  }

  #noneAfter(instantMs: number): void {
    for (const { endedMs, length } of this.#chunks.toReversed()) {
      for (let at = length - 1; at >= 0; at--) {
        if (endedMs[at]! <= instantMs) return
        endedMs[at] = instantMs
      }
    }
  }

  #placeNumber(tenant: string, server: string): number {
    const key = `${tenant} ${server}`
    let number = this.#placeNumbers.get(key)
    if (number === undefined) {
      number = this.#places.push({ tenant, server }) - 1
      this.#placeNumbers.set(key, number)
    }
    return number
  }
}
