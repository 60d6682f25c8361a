import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openNote, signNote, verifierKey } from './note.ts'

/** First line of a checkpoint and name of the signer. */
export const origin = 'countersign.dev/audit'

/** How far a log goes. */
export interface Checkpoint {
  size: number
  head: string
}

/** The file of a checkpoint and that of the key it verifies with. */
export const checkpointFile = 'checkpoint'
export const verifierKeyFile = 'verifier-key'

/** Signs a checkpoint: origin, size and head hash (base64) as a signed note (C2SP). */
export function signCheckpoint({ size, head }: Checkpoint, key: KeyObject): string {
  return signNote(`${origin}\n${size}\n${Buffer.from(head, 'hex').toString('base64')}\n`, origin, key)
}

/**
 * Reads a checkpoint back.
 *
 * @throws Error when it does not verify or is not one of an audit log
 */
export function openCheckpoint(note: string, key: string): Checkpoint {
  const [first, size, head] = openNote(note, key).split('\n')
  if (first !== origin || !/^\d+$/.test(size ?? '')) throw new Error('this is not a checkpoint of an audit log')
  return { size: Number(size), head: Buffer.from(head ?? '', 'base64').toString('hex') }
}

/** Reads the checkpoint of a folder; undefined where there is none or it does not verify with the key. */
export async function readCheckpoint(dir: string, key: string): Promise<Checkpoint | undefined> {
  try {
    return openCheckpoint(await readFile(join(dir, checkpointFile), 'utf8'), key)
  } catch {
    return undefined
  }
}

/** Writes checkpoints of a log that grows: the newest one, and not more often than every `everyMs`. */
export class CheckpointWriter {
  readonly #dir: string
  readonly #key: KeyObject
  readonly #everyMs: number
  readonly #onProblem: (error: unknown) => void
  #wanted: Checkpoint | undefined
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: { dir: string; key: KeyObject; everyMs: number; onProblem: (error: unknown) => void }) {
    this.#dir = options.dir
    this.#key = options.key
    this.#everyMs = options.everyMs
    this.#onProblem = options.onProblem
  }

  get verifierKey(): string {
    return verifierKey(createPublicKey(this.#key), origin)
  }

  /** The log has grown to here, and that is on disk. */
  mark(checkpoint: Checkpoint): void {
    this.#wanted = checkpoint
    if (this.#timer || this.#writing || this.#closed) return
    this.#writing = this.#write()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#wanted) this.mark(this.#wanted)
    }, this.#everyMs)
    this.#timer.unref()
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#writing
    await this.#write()
  }

  async #write(): Promise<void> {
    const checkpoint = this.#wanted
    this.#wanted = undefined
    if (!checkpoint) return
    const path = join(this.#dir, checkpointFile)
    try {
      await writeFile(`${path}.new`, signCheckpoint(checkpoint, this.#key), { mode: 0o644 })
      await rename(`${path}.new`, path)
    } catch (error) {
      // The log itself is whole: the next checkpoint says what this one would have said.
      this.#onProblem(error)
    } finally {
      this.#writing = undefined
      if (this.#wanted && !this.#timer) this.mark(this.#wanted)
    }
  }
}
