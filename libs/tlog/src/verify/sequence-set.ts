const pageBits = 65_536

/** Numbers that follow each other. */
export interface Run {
  from: number
  to: number
}

/**
 * A set of numbers that in the end has nearly all of a range, in whatever order they come. A page of which all are there costs
 * nothing, so memory does not grow with the range.
 */
export class SequenceSet {
  readonly #pages = new Map<number, { bits: Uint32Array; count: number } | 'full'>()

  /** @returns false when it was there already */
  add(value: number): boolean {
    const at = Math.floor(value / pageBits)
    let page = this.#pages.get(at)
    if (page === 'full') return false
    if (!page) this.#pages.set(at, (page = { bits: new Uint32Array(pageBits / 32), count: 0 }))
    const bit = value % pageBits
    const mask = 1 << (bit & 31)
    if ((page.bits[bit >> 5]! & mask) !== 0) return false
    page.bits[bit >> 5]! |= mask
    // The first page lacks 0, which is no sequence.
    if (++page.count === (at === 0 ? pageBits - 1 : pageBits)) this.#pages.set(at, 'full')
    return true
  }

  /** Those up to a number, from 1 on, that are not in the set, as runs. */
  *missingUpTo(last: number): Generator<Run> {
    let run: Run | undefined
    for (const { from, to } of this.#missing(last)) {
      if (run && from === run.to + 1) run.to = to
      else {
        if (run) yield run
        run = { from, to }
      }
    }
    if (run) yield run
  }

  /** By the pages that are there, not by the range: a forged record may name any number. */
  *#missing(last: number): Generator<Run> {
    let next = 1
    for (const at of [...this.#pages.keys()].toSorted((a, b) => a - b)) {
      const first = at * pageBits
      if (first > last) break
      if (first > next) yield { from: next, to: first - 1 }
      const page = this.#pages.get(at)!
      const to = Math.min(last, first + pageBits - 1)
      for (let value = Math.max(1, first); page !== 'full' && value <= to; value++) {
        const bit = value - first
        if ((page.bits[bit >> 5]! & (1 << (bit & 31))) === 0) yield { from: value, to: value }
      }
      next = to + 1
    }
    if (next <= last) yield { from: next, to: last }
  }
}
