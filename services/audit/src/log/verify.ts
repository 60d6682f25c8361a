import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson, type Json } from '@countersign/contracts'
import { checkpointFile, openCheckpoint, verifierKeyFile } from './checkpoint.ts'
import { checkLine, genesis } from './line.ts'
import type { LogProblem } from './log-broken.ts'
import { readLines } from './read-lines.ts'
import { listSegments, type Segment } from './segments.ts'

/** What a walk over a whole log found. */
export interface Verification {
  /** Entries that are good, from the first on. */
  size: number
  head: string
  /** The first thing that is wrong. */
  problem: LogProblem | undefined
}

/**
 * Checks every entry of a log folder and its checkpoint, without anything but the folder.
 *
 * @param key verifier key to trust; left out, the folder's own
 */
export async function verifyLog(dir: string, key?: string): Promise<Verification> {
  const found: Verification = { size: 0, head: genesis, problem: undefined }
  const heads = new Map<number, string>([[0, genesis]])
  const wanted = await readSize(dir)
  for (const segment of await listSegments(dir)) {
    await walk(segment, found, (index, head) => index === wanted && heads.set(index, head))
    if (found.problem) return found
  }
  const reason = await checkCheckpoint(dir, key, found.size, heads)
  if (reason) found.problem = { file: checkpointFile, line: 1, index: found.size, reason }
  return found
}

async function walk(
  segment: Segment,
  found: Verification,
  onHead: (size: number, head: string) => void,
): Promise<void> {
  let line = 1
  const fail = (reason: string) => (found.problem = { file: segment.file, line, index: found.size, reason })
  if (segment.first !== found.size) {
    fail(`the file begins with entry ${segment.first}: entries are missing or twice there`)
    return
  }
  await using file = await open(segment.path)
  const { size: end } = await file.stat()
  let read = 0
  for await (const lines of readLines(file, 0, end)) {
    for (const { offset, bytes } of lines) {
      const checked = checkLine(bytes, found.size, found.head)
      const reason = 'reason' in checked ? checked.reason : notCanonical(checked.record)
      if ('reason' in checked || reason) {
        fail(reason!)
        return
      }
      found.size += 1
      found.head = checked.hash
      onHead(found.size, found.head)
      read = offset + bytes.length + 1
      line += 1
    }
  }
  if (read < end) fail('the last line is torn')
}

function notCanonical(record: Buffer): string | undefined {
  const text = record.toString()
  try {
    return canonicalJson(JSON.parse(text) as Json) === text ? undefined : 'the record is not in canonical form'
  } catch {
    return 'the record is not JSON'
  }
}

/** The size a checkpoint claims, before anything is known about its signature. */
async function readSize(dir: string): Promise<number | undefined> {
  const note = await readFile(join(dir, checkpointFile), 'utf8').catch(() => '')
  return Number(note.split('\n')[1])
}

async function checkCheckpoint(dir: string, key: string | undefined, size: number, heads: Map<number, string>) {
  try {
    const trusted = key ?? (await readFile(join(dir, verifierKeyFile), 'utf8'))
    const checkpoint = openCheckpoint(await readFile(join(dir, checkpointFile), 'utf8'), trusted)
    if (checkpoint.size > size) return `it vouches for ${checkpoint.size} entries, and the log has only ${size}`
    if (heads.get(checkpoint.size) !== checkpoint.head) return `it was signed over another entry ${checkpoint.size - 1}`
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
