import { dirname } from 'node:path'
import type { Disk } from '../src/store/disk.ts'

/** Thrown where the machine stops; nothing that comes after it happens. */
export class Crash extends Error {}

/** What is left after a crash: all that was done (the process died), or only what was synced (the power failed). */
export type Left = 'all' | 'synced'

interface State {
  files: Map<string, Buffer>
  folders: Set<string>
}

const copy = ({ files, folders }: State): State => ({ files: new Map(files), folders: new Set(folders) })

/**
 * A file system in memory that stops at one step: each byte that is written is a step, and so is every other operation. Names are
 * durable when their folder was synced, as POSIX has it; `writeSynced` makes only content durable.
 */
export class FaultDisk implements Disk {
  #now: State
  /** Names as of the last sync of each folder; content is synced with every write. */
  #durable: State
  #steps = 0
  readonly #stopAt: number

  constructor(
    stopAt = Number.POSITIVE_INFINITY,
    state: State = { files: new Map(), folders: new Set() },
    durable: State = state,
  ) {
    this.#now = copy(state)
    this.#durable = copy(durable)
    this.#stopAt = stopAt
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps
  }

  /** All that was done. */
  get state(): State {
    return copy(this.#now)
  }

  /** The disk as a new process finds it; what was not synced when a process died is not on disk yet either. */
  after(left: Left, stopAt?: number): FaultDisk {
    return new FaultDisk(stopAt, left === 'all' ? this.#now : this.#durable, this.#durable)
  }

  read(path: string) {
    const bytes = this.#now.files.get(path)
    return Promise.resolve(bytes && Buffer.from(bytes))
  }

  readPart(path: string, offset: number, length: number) {
    const bytes = this.#now.files.get(path)?.subarray(offset, offset + length)
    return Promise.resolve(bytes && Buffer.from(bytes))
  }

  version(path: string) {
    return Promise.resolve(this.#now.files.get(path)?.toString('latin1'))
  }

  writeSynced(path: string, bytes: Uint8Array) {
    const left = this.#stopAt - this.#steps
    this.#steps += bytes.length + 1
    if (left <= bytes.length) {
      if (left >= 0) this.#now.files.set(path, Buffer.from(bytes.subarray(0, left)))
      return Promise.reject(new Crash())
    }
    this.#now.files.set(path, Buffer.from(bytes))
    return Promise.resolve()
  }

  rename(from: string, to: string) {
    return this.#step(() => {
      this.#now.files.set(to, this.#now.files.get(from)!)
      this.#now.files.delete(from)
    })
  }

  makeFolder(path: string) {
    const changed: string[] = []
    for (let at = path; at !== '/' && !this.#now.folders.has(at); at = dirname(at)) {
      this.#now.folders.add(at)
      changed.push(dirname(at))
    }
    return Promise.resolve(changed)
  }

  syncFolder(path: string) {
    return this.#step(() => {
      const isHere = (name: string) => dirname(name) === path
      for (const name of this.#durable.files.keys()) if (isHere(name)) this.#durable.files.delete(name)
      for (const [name, bytes] of this.#now.files) if (isHere(name)) this.#durable.files.set(name, bytes)
      for (const name of this.#now.folders) if (isHere(name)) this.#durable.folders.add(name)
      this.#dropUnreachable()
    })
  }

  list(path: string) {
    const entries = [...this.#now.files.keys()].filter((name) => dirname(name) === path)
    const folders = [...this.#now.folders].filter((name) => dirname(name) === path)
    const nameOf = (isFolder: boolean) => (name: string) => ({ name: name.slice(path.length + 1), isFolder })
    return Promise.resolve([...entries.map(nameOf(false)), ...folders.map(nameOf(true))])
  }

  removeFolder(path: string) {
    return this.#step(() => {
      for (const name of this.#now.files.keys()) if (name.startsWith(`${path}/`)) this.#now.files.delete(name)
      this.#now.folders.delete(path)
    })
  }

  lock() {
    return () => {}
  }

  #step(work: () => void): Promise<void> {
    if (this.#steps++ >= this.#stopAt) return Promise.reject(new Crash())
    work()
    return Promise.resolve()
  }

  /** A file is only there when every folder above it is. */
  #dropUnreachable(): void {
    const { files, folders } = this.#durable
    for (const name of files.keys()) {
      for (let at = dirname(name); at !== '/'; at = dirname(at)) if (!folders.has(at)) files.delete(name)
    }
  }
}
