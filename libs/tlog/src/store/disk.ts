import { constants } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { lockFile } from './lock-file.ts'

/** What the directory driver asks of a file system; tests put one below it that fails at every step. */
export interface Disk {
  read(path: string): Promise<Buffer | undefined>
  /** So many bytes from a byte on, fewer at its end. */
  readPart(path: string, offset: number, length: number): Promise<Buffer | undefined>
  /** Another text for every file that is put under the path; undefined where none is. */
  version(path: string): Promise<string | undefined>
  /** Writes a new file, or over an old one, and syncs its content. */
  writeSynced(path: string, bytes: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Makes a folder and those above it; resolves to the folders that were changed by it. */
  makeFolder(path: string): Promise<string[]>
  syncFolder(path: string): Promise<void>
  list(path: string): Promise<{ name: string; isFolder: boolean }[]>
  removeFolder(path: string): Promise<void>
  /** @throws Fenced when another process has the lock; a process that dies lets go of it */
  lock(path: string): () => void
}

/** The file system of the machine. */
export const nodeDisk: Disk = {
  async read(path) {
    try {
      return await readFile(path)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  async readPart(path, offset, length) {
    try {
      await using file = await open(path, constants.O_RDONLY)
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset)
      return buffer.subarray(0, bytesRead)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  async version(path) {
    try {
      const { ino, size, mtimeNs } = await stat(path, { bigint: true })
      return `${ino}:${size}:${mtimeNs}`
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  async writeSynced(path, bytes) {
    await using file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600)
    await file.writeFile(bytes)
    await file.datasync()
  },
  rename,
  async makeFolder(path) {
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    const changed: string[] = []
    if (first === undefined) return changed
    for (let at = path; at.length >= first.length; at = dirname(at)) changed.push(dirname(at))
    return changed
  },
  async syncFolder(path) {
    await using folder = await open(path, constants.O_RDONLY)
    await folder.sync()
  },
  async list(path) {
    try {
      const entries = await readdir(path, { withFileTypes: true })
      return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  removeFolder: (path) => rm(path, { recursive: true, force: true }),
  lock: lockFile,
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
