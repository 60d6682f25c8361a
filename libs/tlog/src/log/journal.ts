import { hash } from 'node:crypto'
import { decodeBundle, encodeBundle } from '../tree/bundle.ts'
import type { JsonObject } from '@countersign/contracts'

/**
 * The newest append as a whole. It is written first, in one step, so an append has happened or it has not; tiles, bundles and the
 * checkpoint follow from it and are written again from it after a crash.
 */
export interface Journal {
  /** Size and root before the append. */
  from: number
  fromRoot: string
  entries: readonly Buffer[]
  /** The checkpoint after it, signed. */
  note: string
  /** Who appended: no two writers write the same journal. */
  writer: string
  /** When and at which size a checkpoint was last kept for good. */
  kept: { size: number; atMs: number }
  /** What the caller keeps with its entries. */
  meta: JsonObject
}

/** The file of a tree's journal. */
export const journalFile = 'journal'

const magic = 'countersign.dev/tlog-journal/v1'

/** Writes a journal: a line that names the form, a line of JSON, the entries as a bundle, and a SHA-256 over all of it. */
export function encodeJournal({
  entries,
  ...head
}: Omit<Journal, 'entries'> & { entries: readonly Uint8Array[] }): Buffer {
  const body = Buffer.concat([
    Buffer.from(`${magic}\n${JSON.stringify({ ...head, count: entries.length })}\n`),
    encodeBundle(entries),
  ])
  return Buffer.concat([body, hash('sha256', body, 'buffer')])
}

/** Reads a journal. @throws Error saying what is wrong with it */
export function decodeJournal(bytes: Buffer): Journal {
  const body = bytes.subarray(0, -32)
  if (bytes.length < 32 || !hash('sha256', body, 'buffer').equals(bytes.subarray(-32))) {
    throw new Error('it is not what its checksum says')
  }
  const first = body.indexOf(0x0a)
  const second = body.indexOf(0x0a, first + 1)
  if (body.toString('utf8', 0, first) !== magic) throw new Error(`it does not begin with ${magic}`)
  const { count, ...head } = JSON.parse(body.toString('utf8', first + 1, second)) as Omit<Journal, 'entries'> & {
    count: number
  }
  return { ...head, entries: decodeBundle(body.subarray(second + 1), count).map(({ entry }) => entry) }
}
