import { dirname, join } from 'node:path'
import { type Disk, nodeDisk } from './disk.ts'
import { Fenced, type Store, type StoreFile } from './store.ts'

const lockFile = 'writer.lock'
/** What a file is called until all of it is written. */
const unfinished = '.new'

/** Logs in a folder of this machine. A file appears under its name when its content is on disk; then its folder is synced. */
export class DirectoryStore implements Store {
  readonly place: string
  readonly #disk: Disk
  /** Folders that are there after a power failure, too. */
  readonly #durable = new Set<string>()
  #unlock: (() => void) | undefined

  constructor(dir: string, disk: Disk = nodeDisk) {
    this.place = dir
    this.#disk = disk
  }

  read(path: string): Promise<Buffer | undefined> {
    return this.#disk.read(join(this.place, path))
  }

  readPart(path: string, offset: number, length: number): Promise<Buffer | undefined> {
    return this.#disk.readPart(join(this.place, path), offset, length)
  }

  async write(files: readonly StoreFile[]): Promise<void> {
    const changed = new Set<string>()
    const paths = files.map(({ path }) => join(this.place, path))
    for (const folder of new Set(paths.map((path) => dirname(path)))) {
      for (const above of await this.#makeFolder(folder)) changed.add(above)
      changed.add(folder)
    }
    const done = files.map(async ({ bytes }, place) => {
      const path = paths[place]!
      await this.#disk.writeSynced(path + unfinished, bytes)
      await this.#disk.rename(path + unfinished, path)
    })
    await allOf(done)
    await this.#sync(changed)
    for (const path of paths) this.#noteDurable(dirname(path))
  }

  async readVersion(path: string) {
    const version = await this.#disk.version(join(this.place, path))
    const bytes = await this.read(path)
    return bytes && version !== undefined ? { bytes, version } : undefined
  }

  async swap(path: string, bytes: Uint8Array, version: string | undefined): Promise<string> {
    // Nobody else writes while this process holds the lock; this finds who does not ask for it.
    const file = join(this.place, path)
    if ((await this.#disk.version(file)) !== version) {
      throw new Fenced(
        `${file} was changed by something else than this writer: a log has one writer. Nothing more is written`,
      )
    }
    await this.write([{ path, bytes }])
    return (await this.#disk.version(file))!
  }

  async list(folder: string): Promise<string[]> {
    const entries = await this.#disk.list(join(this.place, folder))
    return entries
      .filter(({ name }) => !name.endsWith(unfinished) && !name.startsWith(lockFile))
      .map(({ name, isFolder }) => (isFolder ? `${name}/` : name))
      .toSorted()
  }

  async removeFolder(path: string): Promise<void> {
    const folder = join(this.place, path)
    for (const each of this.#durable) if (each === folder || each.startsWith(`${folder}/`)) this.#durable.delete(each)
    await this.#disk.removeFolder(folder)
  }

  async claim(): Promise<void> {
    if (this.#unlock) return
    await this.#sync(await this.#makeFolder(this.place))
    this.#noteDurable(this.place)
    this.#unlock = this.#disk.lock(join(this.place, lockFile))
  }

  close(): Promise<void> {
    this.#unlock?.()
    this.#unlock = undefined
    return Promise.resolve()
  }

  /**
   * Makes a folder unless it is known to be on disk.
   *
   * @returns the folders to sync before what is in it counts. One that is there already may have been made by a process that died, or by
   * a write that failed, and never synced
   */
  async #makeFolder(folder: string): Promise<Set<string>> {
    const changed = new Set<string>()
    for (let at = folder; !this.#durable.has(at) && at.length >= this.place.length; at = dirname(at)) {
      changed.add(dirname(at))
    }
    if (changed.size === 0) return changed
    for (const above of await this.#disk.makeFolder(folder)) changed.add(above)
    return changed
  }

  async #sync(folders: ReadonlySet<string>): Promise<void> {
    await allOf([...folders].map((folder) => this.#disk.syncFolder(folder)))
  }

  #noteDurable(folder: string): void {
    for (let at = folder; !this.#durable.has(at) && at.length >= this.place.length; at = dirname(at))
      this.#durable.add(at)
  }
}

/** Waits for all, also when one fails: nothing goes on behind the caller's back. */
async function allOf(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
