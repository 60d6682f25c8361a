import type { FileHandle } from 'node:fs/promises'
import { readHead } from '../record/record-text.ts'
import { checkLine } from './line.ts'
import { brokenAt } from './log-broken.ts'
import { readLines } from './read-lines.ts'

/** What a segment holds. */
export interface RecoveredSegment {
  /** End of the last whole entry. */
  bytes: number
  size: number
  head: string
  last: { seq: number; created: string } | undefined
}

/**
 * Walks the segment that was written last and finds where its entries end. After a crash its end can be torn: a line without
 * a line feed, or blocks that were never written and read as zeros, which no entry contains. What is after that was never
 * acknowledged (I8).
 *
 * @param previous hash of the entry before the segment's first
 * @throws LogBroken for an entry that is whole but wrong
 */
export async function recoverSegment(
  file: FileHandle,
  segment: { file: string; first: number },
  previous: string,
): Promise<RecoveredSegment> {
  const { size: end } = await file.stat()
  const recovered: RecoveredSegment = { bytes: 0, size: segment.first, head: previous, last: undefined }
  let lastRecord: Buffer | undefined
  walk: for await (const lines of readLines(file, 0, end)) {
    for (const { offset, bytes } of lines) {
      if (bytes.includes(0)) break walk
      const checked = checkLine(bytes, recovered.size, recovered.head)
      if ('reason' in checked) {
        const line = recovered.size - segment.first + 1
        throw brokenAt({ file: segment.file, line, index: recovered.size, reason: checked.reason })
      }
      recovered.bytes = offset + bytes.length + 1
      recovered.size += 1
      recovered.head = checked.hash
      lastRecord = checked.record
    }
  }
  if (lastRecord) {
    const { seq, created } = readHead(lastRecord.toString())
    recovered.last = { seq, created }
  }
  return recovered
}
