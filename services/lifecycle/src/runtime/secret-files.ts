import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const endings = ['.token', '.env.json', '.secrets.json'] as const
export type SecretFileEnding = (typeof endings)[number]

/** The files in which secrets reach whoever needs them: of servers that run, and of no others (I9). */
export class SecretFiles {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Writes a file that only this user may read, in place of an older one; resolves to its path. */
  async write(server: string, ending: SecretFileEnding, content: string): Promise<string> {
    const path = join(this.#dir, server + ending)
    await rm(path, { force: true })
    await writeFile(path, content, { mode: 0o600, flag: 'wx' })
    return path
  }

  /** Removes what a server was given. */
  async remove(server: string): Promise<void> {
    await Promise.all(endings.map((ending) => rm(join(this.#dir, server + ending), { force: true })))
  }

  /** Removes what an earlier lifecycle that was killed left behind. */
  async removeAll(): Promise<void> {
    const names = await readdir(this.#dir)
    const left = names.filter((name) => endings.some((ending) => name.endsWith(ending)))
    await Promise.all(left.map((name) => rm(join(this.#dir, name), { force: true })))
  }
}
