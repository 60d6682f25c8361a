import { createHash, hash } from 'node:crypto'

/** The `previous` of the first entry. */
export const genesis = '0'.repeat(64)

const prefix = /^\{"hash":"([0-9a-f]{64})","index":(0|[1-9]\d{0,14}),"previous":"([0-9a-f]{64})","record":\{/
const prefixMax = 256
const lineFeed = 0x0a

/** Seals a canonical record text: the canonical JSON of its `SealedRecord`, without a line feed. */
export function sealLine(previous: string, index: number, record: string): { hash: string; text: string } {
  const digest = hash('sha256', `${previous}\n${record}`, 'hex')
  return { hash: digest, text: `{"hash":"${digest}","index":${index},"previous":"${previous}","record":${record}}` }
}

/** The parts of a line, without a look at its hash; undefined for what is not a line of the log. */
export function splitLine(line: Buffer): { hash: string; index: number; previous: string; record: Buffer } | undefined {
  const match = prefix.exec(line.toString('latin1', 0, prefixMax))
  if (!match || !line.subarray(-2).equals(closing)) return undefined
  const record = line.subarray(match[0].length - 1, -1)
  return { hash: match[1]!, index: Number(match[2]), previous: match[3]!, record }
}

const closing = Buffer.from('}}')

/**
 * Checks that a line is the entry that follows.
 *
 * @returns its hash and record, or why it is not that entry
 */
export function checkLine(
  line: Buffer,
  index: number,
  previous: string,
): { hash: string; record: Buffer } | { reason: string } {
  const parts = splitLine(line)
  if (!parts) return { reason: 'this is not an entry of the log' }
  if (parts.index !== index) return { reason: `the entry says it has index ${parts.index}` }
  if (parts.previous !== previous) return { reason: 'the entry does not name the hash of the one before' }
  // Over the bytes as they are: decoding could make two different ones equal.
  const digest = createHash('sha256').update(`${previous}\n`).update(parts.record).digest('hex')
  if (digest !== parts.hash) return { reason: 'the record is not what its hash says' }
  return { hash: digest, record: parts.record }
}

/** Where the first line feed at or after `from` is, or -1. */
export function lineEnd(bytes: Buffer, from: number): number {
  return bytes.indexOf(lineFeed, from)
}
