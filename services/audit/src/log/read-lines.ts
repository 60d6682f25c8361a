import type { FileHandle } from 'node:fs/promises'
import { lineEnd } from './line.ts'

const chunkBytes = 256 * 1024

/** A line of a file and where it begins. */
export interface Line {
  offset: number
  bytes: Buffer
}

/** Reads the complete lines between two offsets, the first of which is the start of a line, a chunk at a time. */
export async function* readLines(file: FileHandle, start: number, end: number): AsyncGenerator<Line[]> {
  let rest: Buffer = Buffer.alloc(0)
  let offset = start
  for (let at = start; at < end;) {
    const chunk = await readAt(file, at, Math.min(chunkBytes, end - at))
    if (chunk.length === 0) return
    at += chunk.length
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const lines: Line[] = []
    let from = 0
    for (let to = lineEnd(bytes, rest.length); to >= 0; to = lineEnd(bytes, from)) {
      lines.push({ offset, bytes: bytes.subarray(from, to) })
      offset += to + 1 - from
      from = to + 1
    }
    rest = bytes.subarray(from)
    if (lines.length > 0) yield lines
  }
}

/** Reads the lines that end before an offset, itself the end of a line, newest first, a chunk at a time. */
export async function* readLinesBackward(file: FileHandle, end: number): AsyncGenerator<Line[]> {
  let rest: Buffer = Buffer.alloc(0)
  for (let at = end; at > 0;) {
    const from = Math.max(0, at - chunkBytes)
    const chunk = await readAt(file, from, at - from)
    if (chunk.length < at - from) throw new Error('the file became shorter while it was read')
    at = from
    const bytes = Buffer.concat([chunk, rest])
    // The last byte ends the newest line; what comes before the first line feed may be the end of a longer line.
    const lines: Line[] = []
    let to = bytes.length - 1
    for (;;) {
      const before = to <= 0 ? -1 : bytes.lastIndexOf(0x0a, to - 1)
      if (before < 0) break
      lines.push({ offset: at + before + 1, bytes: bytes.subarray(before + 1, to) })
      to = before
    }
    if (at === 0 && to > 0) lines.push({ offset: 0, bytes: bytes.subarray(0, to) })
    rest = bytes.subarray(0, to + 1)
    if (lines.length > 0) yield lines
  }
}

/** Reads exactly so many bytes, or fewer at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, position + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return buffer.subarray(0, read)
}
