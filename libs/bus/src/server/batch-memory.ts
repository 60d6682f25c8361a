import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readlink, rm, rmdir, statfs, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { streams } from '@countersign/contracts'

/** Where Linux keeps files in memory; other systems have no such folder. */
const memory = '/dev/shm'
/** Publishers make batches of a MiB at most, each one at a time; with less than this left a batch might not fit. */
const leastFreeBytes = 16 * 1024 * 1024
const lookMs = 1000
/** In the midst of a batch the server's folder is not taken away; most of the time there is none. */
const attempts = 5

/** What is gathered where. */
export interface BatchMemoryOptions {
  /** The server's `store_dir`. */
  storeDir: string
  /** Told once when batches are gathered on the disk although there is such memory, and why; nothing but their cost depends on it. */
  say: (line: string) => void
}

/**
 * Has a nats-server that stands alone gather the atomic batches of `CALLS` in memory. By itself it makes a store on its disk for each, which
 * costs as much as some twenty events: so a batch stays whole when the server is killed while it stores it. Nobody needs that here. An
 * event is acknowledged when it is in the stream and synced, and each event of a batch stands for itself.
 *
 * The server follows a link in the place of its folder. It takes that away whenever it starts, and others may take the memory away, so it is looked
 * at all the time. Does nothing where there is no such memory.
 */
export class BatchMemory {
  readonly #options: BatchMemoryOptions
  readonly #folder: string
  readonly #batches: string
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #told: string | undefined

  constructor(options: BatchMemoryOptions) {
    this.#options = options
    // The same for a store whenever it is started, and another one for each store.
    const name = createHash('sha256').update(options.storeDir).digest('hex').slice(0, 16)
    this.#folder = join(memory, `countersign-batches-${name}`)
    this.#batches = join(options.storeDir, 'jetstream', '$G', 'streams', streams.CALLS.name, 'batches')
  }

  /** To be called when the server has its streams; resolves when it was looked at once. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.#look(), lookMs).unref()
    await this.#look()
  }

  /** Gives the memory back; to be called when the server has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#looking
    // What is another user's is not ours to remove.
    await rm(this.#folder, { recursive: true, force: true }).catch(() => {})
  }

  #look(): Promise<void> {
    this.#looking ??= this.#use()
      .then(
        () => (this.#told = undefined),
        (error: Error) => {
          if (error.message !== this.#told)
            this.#options.say(`many calls at once take longer than they need to: ${error.message}`)
          this.#told = error.message
        },
      )
      .then(() => (this.#looking = undefined))
    return this.#looking
  }

  /** @throws Error with the reason why batches are gathered on the disk */
  async #use(): Promise<void> {
    if (!(await lstat(memory).catch(() => undefined))?.isDirectory()) return
    const { bavail, bsize } = await statfs(memory)
    const linked = (await readlink(this.#batches).catch(() => undefined)) === this.#folder
    if (bavail * bsize < leastFreeBytes) {
      if (linked) await unlink(this.#batches)
      throw new Error(`less than ${leastFreeBytes / 2 ** 20} MiB are free in ${memory}; make room`)
    }
    await mkdir(this.#folder, { mode: 0o700 }).catch(unlessThere)
    const folder = await lstat(this.#folder)
    if (!folder.isDirectory() || folder.uid !== process.getuid?.() || (folder.mode & 0o077) !== 0) {
      if (linked) await unlink(this.#batches)
      throw new Error(`${this.#folder} is there and is not a folder that only this user may read; remove it`)
    }
    if (linked) return
    // Of a server that was killed in the midst of a batch; the one that runs has looked at it.
    for (const name of await readdir(this.#folder)) await rm(join(this.#folder, name), { recursive: true, force: true })
    for (let attempt = 0; attempt < attempts && !(await this.#link()); attempt++);
  }

  /** Puts the link in the place of an empty folder; resolves to whether it is there, or cannot be there yet. */
  async #link(): Promise<boolean> {
    // A folder that is not empty stays, and a link that leads elsewhere does not.
    await rmdir(this.#batches).catch(() => unlink(this.#batches).catch(() => {}))
    try {
      await symlink(this.#folder, this.#batches)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return true
      if (code !== 'EEXIST') throw error
      return false
    }
  }
}

function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
}
