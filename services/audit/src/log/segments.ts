import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A file of the log: entries from `first` on, one a line. */
export interface Segment {
  file: string
  path: string
  first: number
}

const shape = /^segment-(\d{12})\.jsonl$/

/** The segment that begins with an entry. */
export function segmentAt(dir: string, first: number): Segment {
  const file = `segment-${String(first).padStart(12, '0')}.jsonl`
  return { file, path: join(dir, file), first }
}

/** The segments of a log folder, oldest first. */
export async function listSegments(dir: string): Promise<Segment[]> {
  const firsts = (await readdir(dir)).flatMap((file) => shape.exec(file)?.[1] ?? [])
  return firsts.map((first) => segmentAt(dir, Number(first))).toSorted((a, b) => a.first - b.first)
}
