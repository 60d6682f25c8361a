import type { KeyObject } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ChainLog } from './chain-log.ts'
import { CheckpointWriter, readCheckpoint, verifierKeyFile } from './checkpoint.ts'
import { genesis, splitLine } from './line.ts'
import type { Log } from './log.ts'
import { LogBroken } from './log-broken.ts'
import { readLinesBackward } from './read-lines.ts'
import { recoverSegment } from './recover-segment.ts'
import { listSegments, type Segment, segmentAt } from './segments.ts'
import { SegmentWriter, syncDir } from './segment-writer.ts'
import { readHead } from '../record/record-text.ts'

export interface OpenLogOptions {
  dir: string
  /** Signs checkpoints; Ed25519. */
  key: KeyObject
  maxSegmentBytes?: number
  checkpointEveryMs?: number
  /** Told of a torn end that was cut off. */
  onTorn: (torn: { file: string; bytesCut: number; size: number }) => void
  /** Told of a checkpoint that could not be written. */
  onProblem: (error: unknown) => void
}

/**
 * Opens the log of a folder, or begins one. What a crash left half-written is cut off; what was on disk is checked from the
 * newest segment on, and against the last checkpoint.
 *
 * @throws LogBroken naming file, line and entry when the log was changed or lost its end
 */
export async function openLog(options: OpenLogOptions): Promise<Log> {
  const { dir, key, maxSegmentBytes = 64 * 1024 * 1024, checkpointEveryMs = 200, onTorn, onProblem } = options
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const checkpoints = new CheckpointWriter({ dir, key, everyMs: checkpointEveryMs, onProblem })
  const segments = await listSegments(dir)
  const newest = segments.pop()
  const before = await endOf(segments.at(-1), newest)
  const segment = newest ?? segmentAt(dir, 0)
  // Closed when anything is wrong, moved to the log when nothing is.
  await using stack = new AsyncDisposableStack()
  const file = stack.use(await open(segment.path, constants.O_RDWR | constants.O_CREAT, 0o600))
  const recovered = await recoverSegment(file, segment, before.head)
  await checkAgainstCheckpoint(dir, checkpoints.verifierKey, recovered)
  const { size: found, mtime } = await file.stat()
  if (found > recovered.bytes) {
    await file.truncate(recovered.bytes)
    await file.datasync()
    onTorn({ file: segment.file, bytesCut: found - recovered.bytes, size: recovered.size })
  }
  if (!newest) await syncDir(dir)
  await writeFile(join(dir, verifierKeyFile), `${checkpoints.verifierKey}\n`)
  const closed = await Promise.all(
    segments.map(async (each) => ({ segment: each, bytes: (await stat(each.path)).size })),
  )
  stack.move()
  return new ChainLog({
    dir,
    maxSegmentBytes,
    checkpoints,
    closed,
    writer: new SegmentWriter(segment, file, recovered.bytes),
    size: recovered.size,
    head: recovered.head,
    last: recovered.last ?? before.last,
    sealedAt: recovered.size > 0 ? mtime : undefined,
  })
}

/** Hash and origin of the last entry before the newest segment. */
async function endOf(segment: Segment | undefined, newest: Segment | undefined) {
  if (!newest || newest.first === 0) return { head: genesis, last: undefined }
  const gone = () =>
    new LogBroken(
      `the audit log is broken: the entries before ${newest.file} are missing; restore its folder from a copy`,
    )
  if (!segment) throw gone()
  await using file = await open(segment.path)
  const { size } = await file.stat()
  for await (const lines of readLinesBackward(file, size)) {
    const entry = splitLine(lines[0]!.bytes)
    if (entry?.index !== newest.first - 1) throw gone()
    const { seq, created } = readHead(entry.record.toString())
    return { head: entry.hash, last: { seq, created } }
  }
  throw gone()
}

/** What a checkpoint vouches for was on disk before it was written, so a log that is shorter has lost its end. */
async function checkAgainstCheckpoint(dir: string, key: string, { size, head }: { size: number; head: string }) {
  const checkpoint = await readCheckpoint(dir, key)
  if (!checkpoint) return
  const wrongHead = checkpoint.size === size && checkpoint.head !== head
  if (checkpoint.size <= size && !wrongHead) return
  const found = wrongHead ? 'other records than it was signed over' : `only ${size}`
  throw new LogBroken(
    `the audit log is broken: its checkpoint vouches for ${checkpoint.size} entries, and the log has ${found}. ` +
      'Keep this folder as evidence and start audit with one restored from a copy',
  )
}
