import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { lockFile } from '@countersign/tlog'
import { PGlite, type Results } from '@electric-sql/pglite'
import { dataDir as preparedFolder } from '@electric-sql/pglite-prepopulatedfs'
import { unpackFolder } from './unpack-folder.ts'

const sameBootMs = 60_000

/**
 * The folder of an embedded Postgres, which one process has at a time. It does not sync what it writes: a process may be killed at any moment,
 * but after a power failure files could be half of before and half of after. So a folder that was open when the machine went down
 * is emptied; the log has everything.
 */
export class PGliteFolder {
  readonly #dataDir: string
  /** There while it is open: when the machine was started that opened it. */
  readonly #openFile: string
  readonly #parameters: readonly string[]
  readonly #onDiscarded: (reason: string) => void
  readonly #unlock: () => void
  #database: PGlite | undefined

  private constructor(
    dir: string,
    parameters: readonly string[],
    onDiscarded: (reason: string) => void,
    unlock: () => void,
  ) {
    this.#dataDir = join(dir, 'data')
    this.#openFile = join(dir, 'open')
    this.#parameters = parameters
    this.#onDiscarded = onDiscarded
    this.#unlock = unlock
  }

  /**
   * Takes the folder.
   *
   * @param parameters of Postgres, as `name=value`
   * @throws Fenced when another process has it
   */
  static async claim(
    dir: string,
    parameters: readonly string[],
    onDiscarded: (reason: string) => void,
  ): Promise<PGliteFolder> {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const path = join(dir, 'lock')
    const unlock = lockFile(
      path,
      `another process has the index (it holds ${path}): one of an audit that was killed ends by itself, and another audit needs another folder`,
    )
    return new PGliteFolder(dir, parameters, onDiscarded, unlock)
  }

  /** Empties a folder that was open when the machine went down; to be called once, because clocks are set while it is open. */
  async distrustAfterReboot(): Promise<void> {
    const bootedMs = Date.now() - uptime() * 1000
    const wasOpen = await readFile(this.#openFile, 'utf8').catch(() => undefined)
    if (wasOpen !== undefined && Math.abs(Number(wasOpen) - bootedMs) > sameBootMs) {
      await this.#empty('the machine went down while it was open')
    }
    await writeFile(this.#openFile, String(Math.round(bootedMs)), { mode: 0o600 })
  }

  /**
   * Unpacks a folder where there is none, because Postgres takes three seconds of processor time to make one; resolves to whether it did. PGlite
   * would unpack it too, but starts Postgres for it, whose memory grows by all of it and never shrinks.
   */
  async prepare(): Promise<boolean> {
    if (existsSync(join(this.#dataDir, 'PG_VERSION'))) return false
    const half = `${this.#dataDir}.new`
    for (const dir of [half, this.#dataDir]) await rm(dir, { recursive: true, force: true })
    await unpackFolder(await preparedFolder(), half)
    await rename(half, this.#dataDir)
    return true
  }

  /** Opens the database; one that cannot be opened is given up. */
  async open(): Promise<void> {
    try {
      await this.#create()
    } catch (error) {
      await this.#empty(`it cannot be opened: ${(error as Error).message}`)
      await this.prepare()
      await this.#create()
    }
  }

  query(sql: string, parameters: unknown[]): Promise<Results<unknown>> {
    return this.#database!.query(sql, parameters)
  }

  async close(): Promise<void> {
    await this.#database?.close()
    await rm(this.#openFile, { force: true })
    this.#unlock()
  }

  /** Gives up what is there. */
  async discard(): Promise<void> {
    await this.#database?.close().catch(() => {})
    await rm(this.#dataDir, { recursive: true, force: true })
    await rm(this.#openFile, { force: true })
    this.#unlock()
  }

  async #create(): Promise<void> {
    // Later settings win over its own defaults.
    const startParams = [...PGlite.defaultStartParams, ...this.#parameters.flatMap((parameter) => ['-c', parameter])]
    this.#database = await PGlite.create({ dataDir: this.#dataDir, startParams })
  }

  async #empty(reason: string): Promise<void> {
    await rm(this.#dataDir, { recursive: true, force: true })
    this.#onDiscarded(reason)
  }
}
