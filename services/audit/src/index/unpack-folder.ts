import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'

const blockBytes = 512

/** The file that is being written, and how much of it is still to come. */
interface Entry {
  fd: number | undefined
  bytes: number
  /** Its last block is filled up. */
  padding: number
}

/**
 * Writes what is in an archive (tar, ustar with short names, gzipped) into a folder, a piece at a time: it is made of empty database files and
 * larger than anybody wants to hold.
 *
 * @throws Error when it ends before its last file does
 */
export async function unpackFolder(archive: Blob, dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  let head = Buffer.alloc(0)
  let entry: Entry = { fd: undefined, bytes: 0, padding: 0 }
  const unpacked = createGunzip()
  unpacked.end(Buffer.from(await archive.arrayBuffer()))
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length;) {
      if (entry.bytes > 0) {
        const piece = chunk.subarray(at, at + entry.bytes)
        if (entry.fd !== undefined) writeWhole(entry.fd, piece)
        entry.bytes -= piece.length
        at += piece.length
      } else if (entry.padding > 0) {
        const passed = Math.min(entry.padding, chunk.length - at)
        entry.padding -= passed
        at += passed
      } else {
        const more = chunk.subarray(at, at + blockBytes - head.length)
        head = Buffer.concat([head, more])
        at += more.length
        if (head.length < blockBytes) continue
        entry = begin(head, dir)
        head = Buffer.alloc(0)
      }
      if (entry.bytes === 0 && entry.fd !== undefined) {
        closeSync(entry.fd)
        entry.fd = undefined
      }
    }
  }
  if (entry.bytes > 0) throw new Error(`the archive of ${dir} ends in the middle of a file`)
}

/** A disk that is nearly full may take a part. */
function writeWhole(fd: number, piece: Buffer): void {
  for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at)
}

/** Makes the file or folder that a header is about; the blocks of zeros at the end are about none. */
function begin(head: Buffer, dir: string): Entry {
  const text = (from: number, length: number) => head.toString('latin1', from, from + length).replace(/\0.*$/s, '')
  const name = text(0, 100)
  const bytes = Number.parseInt(text(124, 12), 8) || 0
  const padding = (blockBytes - (bytes % blockBytes)) % blockBytes
  if (name === '') return { fd: undefined, bytes, padding }
  // Names begin with a slash; none leads out of the folder.
  const path = join(dir, join('/', name))
  if (text(156, 1) === '5') {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return { fd: undefined, bytes, padding }
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return { fd: openSync(path, 'w', 0o600), bytes, padding }
}
