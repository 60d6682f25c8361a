import type { Readable } from 'node:stream'
import { statfs } from 'node:fs/promises'

/** What nats-server logs when it could not write a message; from then on that stream takes nothing, also when there is space again. */
const cannotWrite = /critical write error|JetStream out of .*resources/i
/** What it gathers of a batch lies elsewhere, and is given up when it cannot be written. */
const ofBatch = /\/batches\//
const maxLine = 4096
/** Less is filled again before anybody notices. */
const enoughBytes = 64 * 1024 * 1024
const lookMs = 1000
/** A disk that has space and takes no writes all the same is not tried without a pause. */
const betweenRestartsMs = 10_000

/** Watches one nats-server for the moment from which only a restart helps, and has it started again once there is space. */
export class StoreWatch {
  readonly #options: { dir: string; say: (line: string) => void; restart: () => void }
  #timer: NodeJS.Timeout | undefined
  #restartedAtMs = Number.NEGATIVE_INFINITY
  /** The beginning of a line that is not whole yet. */
  #line = ''

  /**
   * @param options.dir a folder on the disk of the store
   * @param options.restart called once for each time that it is needed
   */
  constructor(options: { dir: string; say: (line: string) => void; restart: () => void }) {
    this.#options = options
  }

  /** Follows what a server that was just started writes. */
  follow(stderr: Readable | null): void {
    this.stop()
    this.#line = ''
    stderr?.on('data', (text: Buffer | string) => {
      const lines = (this.#line + String(text)).split('\n')
      this.#line = lines.pop()!.slice(-maxLine)
      if (this.#timer || !lines.some((line) => cannotWrite.test(line) && !ofBatch.test(line))) return
      this.#options.say(
        'nats-server cannot write to its disk and takes nothing more; make room: it is started again when there is some',
      )
      this.#timer = setInterval(() => void this.#look(), lookMs)
    })
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #look(): Promise<void> {
    if (performance.now() - this.#restartedAtMs < betweenRestartsMs) return
    const space = await statfs(this.#options.dir).catch(() => undefined)
    if (!this.#timer || !space || space.bavail * space.bsize < enoughBytes) return
    this.stop()
    this.#restartedAtMs = performance.now()
    this.#options.say('there is space again; starting nats-server again')
    this.#options.restart()
  }
}
