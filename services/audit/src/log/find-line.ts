import type { FileHandle } from 'node:fs/promises'
import { lineEnd, splitLine } from './line.ts'
import { readAt } from './read-lines.ts'

const closeEnough = 64 * 1024
const headBytes = 256

/**
 * Finds where the line of an entry begins, by halving: entries are in order and say their index.
 *
 * @param end the end of the last line
 * @returns an offset at which some line begins whose index is at most `index` and not far before it
 */
export async function findLineBefore(file: FileHandle, end: number, index: number): Promise<number> {
  let low = 0
  let high = end
  while (high - low > closeEnough) {
    const middle = Math.floor((low + high) / 2)
    const start = await nextLineStart(file, middle, high)
    const found = start === undefined ? undefined : await indexAt(file, start)
    // No line begins between the middle and `start`, so an entry before `start` begins before the middle.
    if (start === undefined || found === undefined || found > index) high = middle
    else low = start
  }
  return low
}

async function nextLineStart(file: FileHandle, from: number, end: number): Promise<number | undefined> {
  for (let at = from; at < end; at += closeEnough) {
    const bytes = await readAt(file, at, Math.min(closeEnough, end - at))
    const found = lineEnd(bytes, 0)
    if (found >= 0) return at + found + 1 < end ? at + found + 1 : undefined
  }
  return undefined
}

async function indexAt(file: FileHandle, offset: number): Promise<number | undefined> {
  const head = await readAt(file, offset, headBytes)
  // Only the head of the line is here; what closes it is put there so that it can be taken apart.
  return splitLine(Buffer.concat([head, Buffer.from('}}')]))?.index
}
