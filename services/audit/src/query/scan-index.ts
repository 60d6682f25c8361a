import type { AuditQuery, CallAddress, CallView, SealedRecord } from '@countersign/contracts'
import type { Log } from '../log/log.ts'
import { readHead } from '../record/record-text.ts'
import { readSealed } from '../record/encrypt/read-sealed.ts'
import { foldCalls } from './fold-calls.ts'
import { matcherOf } from './match.ts'
import type { RecordIndex } from './record-index.ts'

/** Bounds of one request. */
export interface ScanBounds {
  maxScanned: number
  maxBytes: number
  /** Newer records looked at before a page of calls, to see which of its calls went on in the page before. */
  overlap: number
}

const defaultBounds: ScanBounds = { maxScanned: 20_000, maxBytes: 4 * 1024 * 1024, overlap: 5000 }
/** How often a scan looks whether it has gone too far back in time. */
const timeCheckEvery = 64

/** An index that has nothing but the log: it scans, newest first, and stops after a bounded number of records. */
export class ScanIndex implements RecordIndex {
  readonly #log: Pick<Log, 'tree'>
  readonly #stateOf: (at: CallAddress) => Promise<string | undefined>
  readonly #read: (text: string) => SealedRecord
  readonly #bounds: ScanBounds

  /**
   * @param stateOf where a call stands that is still in the stream
   * @param read opens what was encrypted in an entry
   */
  constructor(
    log: Pick<Log, 'tree'>,
    stateOf: (at: CallAddress) => Promise<string | undefined>,
    bounds: Partial<ScanBounds> = {},
    read: (text: string) => SealedRecord = (text) => readSealed(text),
  ) {
    this.#log = log
    this.#stateOf = stateOf
    this.#read = read
    this.#bounds = { ...defaultBounds, ...bounds }
  }

  async records(query: AuditQuery): Promise<{ records: SealedRecord[]; next: number | null }> {
    const { maxScanned, maxBytes } = this.#bounds
    const matcher = matcherOf(query)
    const records: SealedRecord[] = []
    let scanned = 0
    let bytes = 0
    const tree = this.#log.tree(query.tenant)
    for await (const { index, text } of tree.backward(Math.min(query.before ?? tree.size, tree.size))) {
      const tooMuch = records.length > 0 && bytes + text.length > maxBytes
      if (records.length === query.limit || scanned === maxScanned) return { records, next: index + 1 }
      scanned += 1
      if (scanned % timeCheckEvery === 0 && matcher.isBefore(readHead(text.slice(0, -1)))) break
      if (!matcher.mayMatch(text)) continue
      const sealed = this.#read(text)
      if (!matcher.ofCall(sealed.record) || !matcher.ofEvent(sealed.record)) continue
      if (tooMuch) return { records, next: index + 1 }
      records.push(sealed)
      bytes += text.length
      if (query.callId !== undefined && sealed.record.event === 'requested') break
    }
    return { records, next: null }
  }

  calls(query: AuditQuery): Promise<{ calls: CallView[]; next: number | null }> {
    const { maxScanned, overlap } = this.#bounds
    const log = this.#log.tree(query.tenant)
    return foldCalls({ log, stateOf: this.#stateOf, read: this.#read, query, maxScanned, overlap, timeCheckEvery })
  }
}
