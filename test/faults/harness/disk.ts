import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { buildDiskProgram } from './disk-program.ts'

/** Room for the budgets of all streams, which nats-server reserves; nothing is taken before it is used. */
const capacityBytes = 64 * 1024 ** 3

/** A folder on a disk that can lose power, be full and be slow (`disk/tree.go` says what it promises). */
export class Disk {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, lines: Interface) {
    this.#child = child
    this.#answers = lines[Symbol.asyncIterator]()
  }

  /** Mounts an empty disk at a folder. */
  static async mount(dir: string): Promise<Disk> {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const args = [dir, String(capacityBytes)]
    const child = spawn(await buildDiskProgram(), args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    const disk = new Disk(child, createInterface(child.stdout))
    await disk.#answer()
    return disk
  }

  /**
   * The power fails, and comes back: what was not synced is lost. Whoever uses the disk must have been killed before.
   *
   * @param seed then some of it is there all the same, as chance has it
   * @returns how many changes of names and pages were not on disk
   */
  async cut(seed?: number): Promise<{ names: number; pages: number }> {
    const [names, pages] = (await this.#tell(seed === undefined ? 'cut' : `cut ${seed}`)).split(' ').map(Number)
    return { names: names!, pages: pages! }
  }

  /** Everything is on disk now, as it would be when nothing happened for long. */
  async sync(): Promise<void> {
    await this.#tell('sync')
  }

  /** Leaves so many bytes of space; undefined: as much as there was at first. */
  async leave(bytes?: number): Promise<void> {
    await this.#tell(bytes === undefined ? `capacity ${capacityBytes}` : `free ${bytes}`)
  }

  /** Has every sync take so long. */
  async delay(ms: number): Promise<void> {
    await this.#tell(`delay ${ms}`)
  }

  /** Unmounts it. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.stdin.end()
    await once(this.#child, 'exit')
  }

  async #tell(command: string): Promise<string> {
    this.#child.stdin.write(`${command}\n`)
    return this.#answer()
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next()
    if (done || !value.startsWith('ok')) throw new Error(`the disk says: ${done ? 'nothing' : value}`)
    return value.slice(3)
  }
}
