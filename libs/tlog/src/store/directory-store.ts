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
  readonly #known = new Set<string>()
  #unlock: (() => void) | undefined

  constructor(dir: string, disk: Disk = nodeDisk) {
    this.place = dir
    this.#disk = disk
  }

  read(path: string): Promise<Buffer | undefined> {
    return this.#disk.read(join(this.place, path))
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
    await allOf([...changed].map((folder) => this.#disk.syncFolder(folder)))
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
    for (const known of this.#known) if (known === folder || known.startsWith(`${folder}/`)) this.#known.delete(known)
    await this.#disk.removeFolder(folder)
  }

  async claim(): Promise<void> {
    if (this.#unlock) return
    const changed = await this.#makeFolder(this.place)
    await allOf(changed.map((folder) => this.#disk.syncFolder(folder)))
    this.#unlock = this.#disk.lock(join(this.place, lockFile))
  }

  close(): Promise<void> {
    this.#unlock?.()
    this.#unlock = undefined
    return Promise.resolve()
  }

  async #makeFolder(folder: string): Promise<string[]> {
    if (this.#known.has(folder)) return []
    const changed = await this.#disk.makeFolder(folder)
    this.#known.add(folder)
    return changed
  }
}

/** Waits for all, also when one fails: nothing goes on behind the caller's back. */
async function allOf(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
