import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Segment } from './segments.ts'

/** Writes one segment. A batch is there whole, on disk, or not at all. */
export class SegmentWriter {
  readonly segment: Segment
  readonly #file: FileHandle
  #bytes: number
  /** A batch failed half-way and its bytes may still be in the file. */
  #torn = false

  constructor(segment: Segment, file: FileHandle, bytes: number) {
    this.segment = segment
    this.#file = file
    this.#bytes = bytes
  }

  /** Makes a segment, which must be empty, and its name, durable. */
  static async create(dir: string, segment: Segment): Promise<SegmentWriter> {
    const file = await open(segment.path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      await syncDir(dir)
      return new SegmentWriter(segment, file, 0)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** The file, for reading what is on disk. */
  get file(): FileHandle {
    return this.#file
  }

  /** Bytes that are on disk. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Writes a batch at the end with one sync.
   *
   * @throws Error when it is not on disk for sure; then the file is cut back, so that the same batch may be written again
   */
  async write(batch: Buffer): Promise<void> {
    if (this.#torn) await this.#cutBack()
    const { size } = await this.#file.stat()
    if (size !== this.#bytes) {
      throw new Error(
        `${this.segment.file} has ${size} bytes where audit wrote ${this.#bytes}: another process writes to this log, or it was ` +
          'changed. Stop whatever does, then start audit again',
      )
    }
    this.#torn = true
    try {
      for (let written = 0; written < batch.length;) {
        written += (await this.#file.write(batch, written, batch.length - written, this.#bytes + written)).bytesWritten
      }
      await this.#file.datasync()
    } catch (error) {
      // After a failed sync the kernel may forget the pages: the batch is written anew, never synced again.
      await this.#cutBack().catch(() => {})
      throw error
    }
    this.#torn = false
    this.#bytes += batch.length
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #cutBack(): Promise<void> {
    await this.#file.truncate(this.#bytes)
    this.#torn = false
  }
}

/** Makes the names in a folder durable. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
