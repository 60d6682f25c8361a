import { type FileHandle, open } from 'node:fs/promises'
import type { RecordText } from '../record/record-text.ts'
import type { CheckpointWriter } from './checkpoint.ts'
import { findLineBefore } from './find-line.ts'
import { sealLine, splitLine } from './line.ts'
import type { Log, LogEntry, Sealed } from './log.ts'
import { type Line, readLines, readLinesBackward } from './read-lines.ts'
import { type Segment, segmentAt } from './segments.ts'
import { SegmentWriter } from './segment-writer.ts'

/** What a log knows when it is opened. */
export interface ChainState {
  dir: string
  maxSegmentBytes: number
  checkpoints: CheckpointWriter
  /** Segments before the one that is written, with their bytes. */
  closed: { segment: Segment; bytes: number }[]
  writer: SegmentWriter
  size: number
  head: string
  last: { seq: number; created: string } | undefined
  sealedAt: Date | undefined
}

const maxReadBytes = 8 * 1024 * 1024

/**
 * A log as a chain of hashes in files of JSON lines: `segment-<first index>.jsonl`. Each line is the canonical JSON of a
 * `SealedRecord`, so `sha256sum` and a JSON reader are enough to check it.
 */
export class ChainLog implements Log {
  readonly #state: ChainState
  #appending = false

  constructor(state: ChainState) {
    this.#state = state
    state.checkpoints.mark({ size: state.size, head: state.head })
  }

  get size(): number {
    return this.#state.size
  }

  get head(): string {
    return this.#state.head
  }

  get last() {
    return this.#state.last
  }

  get sealedAt(): Date | undefined {
    return this.#state.sealedAt
  }

  get bytes(): number {
    return this.#state.closed.reduce((sum, { bytes }) => sum + bytes, this.#state.writer.bytes)
  }

  async append(records: readonly RecordText[]): Promise<Sealed[]> {
    if (records.length === 0) return []
    if (this.#appending) throw new Error('the audit log has one writer: an append is still going on')
    this.#appending = true
    try {
      const state = this.#state
      let { head, size } = state
      const lines: Buffer[] = []
      const sealed = records.map((record) => {
        const { hash, text } = sealLine(head, size, record.text)
        lines.push(Buffer.from(`${text}\n`))
        head = hash
        return { index: size++, text, record }
      })
      const batch = Buffer.concat(lines)
      if (state.writer.bytes > 0 && state.writer.bytes + batch.length > state.maxSegmentBytes) await this.#nextSegment()
      await state.writer.write(batch)
      const { seq, created } = records.at(-1)!
      Object.assign(state, { head, size, last: { seq, created }, sealedAt: new Date() })
      state.checkpoints.mark({ size, head })
      return sealed
    } finally {
      this.#appending = false
    }
  }

  async read(fromIndex: number, count: number): Promise<LogEntry[]> {
    const entries: LogEntry[] = []
    let bytes = 0
    for (const part of this.#parts()) {
      if (part.next <= fromIndex) continue
      for await (const lines of linesFrom(part, fromIndex)) {
        for (const entry of entriesOf(lines, part.segment)) {
          if (entry.index < fromIndex) continue
          if (entries.length >= count || bytes >= maxReadBytes) return entries
          entries.push(entry)
          bytes += entry.text.length
        }
      }
    }
    return entries
  }

  async *backward(before: number): AsyncGenerator<LogEntry> {
    for (const { segment, end, next } of this.#parts().toReversed()) {
      if (segment.first >= before) continue
      await using file = await open(segment.path)
      const until = before >= next ? end : await endOfEntry(file, end, before - 1)
      for await (const lines of readLinesBackward(file, until)) yield* entriesOf(lines, segment)
    }
  }

  async close(): Promise<void> {
    await this.#state.checkpoints.close()
    await this.#state.writer.close()
  }

  async #nextSegment(): Promise<void> {
    const { dir, writer, closed, size } = this.#state
    const next = await SegmentWriter.create(dir, segmentAt(dir, size))
    closed.push({ segment: writer.segment, bytes: writer.bytes })
    this.#state.writer = next
    await writer.close()
  }

  /** All segments, as they are now. */
  #parts(): Part[] {
    const { closed, writer, size } = this.#state
    const all = [...closed, { segment: writer.segment, bytes: writer.bytes }]
    return all.map(({ segment, bytes }, place) => ({
      segment,
      end: bytes,
      next: all[place + 1]?.segment.first ?? size,
    }))
  }
}

/** A segment with where its last entry ends, and the index after it. */
interface Part {
  segment: Segment
  end: number
  next: number
}

async function* linesFrom({ segment, end }: Part, fromIndex: number): AsyncGenerator<Line[]> {
  await using file = await open(segment.path)
  const start = fromIndex <= segment.first ? 0 : await findLineBefore(file, end, fromIndex)
  yield* readLines(file, start, end)
}

async function endOfEntry(file: FileHandle, end: number, index: number): Promise<number> {
  const start = await findLineBefore(file, end, index)
  for await (const lines of readLines(file, start, end)) {
    for (const { offset, bytes } of lines) if (splitLine(bytes)?.index === index) return offset + bytes.length + 1
  }
  return end
}

function entriesOf(lines: Line[], segment: Segment): LogEntry[] {
  return lines.map(({ bytes }) => {
    const parts = splitLine(bytes)
    if (!parts) throw new Error(`${segment.file} holds a line that is no entry: the log was changed while audit ran`)
    return { index: parts.index, text: bytes.toString() }
  })
}
