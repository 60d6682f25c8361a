import { folderSignature, type ReadFiles, readFolder } from './read-folder.ts'

/** How a folder of documents is followed. */
export interface FolderWatchOptions<T> {
  dir: string
  /** Time between two looks, in ms. */
  everyMs: number
  /** Takes up what the folder has now. What it throws is told, and it is asked again with the next look. */
  take: (read: ReadFiles) => Promise<T>
  /** Told after a look that found nothing new; what it throws is told. */
  onNothingNew?: () => Promise<void>
  /** Told of what went wrong with a look, once for as long as the same goes wrong. */
  onProblem: (error: unknown) => void
}

/**
 * Follows a folder of documents: one look after the other, never two at once. A file that was just written may not be complete, so a
 * change is taken up when the folder looks the same twice.
 */
export class FolderWatch<T> {
  readonly #options: FolderWatchOptions<T>
  /** The folder as it was taken up last, and as it was seen last. */
  #taken: string | undefined
  #seen: string | undefined
  /** What goes wrong, as it was told. */
  #told: string | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()

  constructor(options: FolderWatchOptions<T>) {
    this.#options = options
  }

  /** Takes up what is there, without a second look. @throws what `take` throws, which is told to whoever asked */
  async takeNow(): Promise<T> {
    try {
      return await this.#take(await folderSignature(this.#options.dir))
    } catch (error) {
      this.#told = (error as Error).message
      throw error
    }
  }

  /** Begins to follow. */
  follow(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((error: unknown) => this.#tell(error))
        .then(() => {
          if (this.#timer) this.follow()
        })
    }, this.#options.everyMs)
  }

  /** Resolves when nothing is being taken up any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#looking
  }

  async #look(): Promise<void> {
    const signature = await folderSignature(this.#options.dir)
    const settled = signature === this.#seen
    this.#seen = signature
    if (settled && signature !== this.#taken) await this.#take(signature)
    else await this.#options.onNothingNew?.()
    // While something waits to be taken up, a look that does not try it has mended nothing.
    if (signature === this.#taken) this.#told = undefined
  }

  #tell(error: unknown): void {
    const { message } = error as Error
    if (message === this.#told) return
    this.#told = message
    this.#options.onProblem(error)
  }

  async #take(signature: string): Promise<T> {
    const result = await this.#options.take(await readFolder(this.#options.dir))
    // Last, so that what failed on the way is tried again.
    this.#taken = signature
    return result
  }
}
