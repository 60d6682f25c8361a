import { resolve } from 'node:path'
import { WatchedFile } from '@countersign/config'
import type { McpServerDocument } from '@countersign/contracts'
import { parseSecret } from './environment.ts'

const lookMs = 1000

/** Notices when a secret that a run was given is another by now. */
export class SecretWatch {
  readonly #files: { name: string; given: string; file: WatchedFile<string> }[]
  readonly #onChange: (names: string[]) => void
  #last = ''
  #timer: NodeJS.Timeout | undefined

  /**
   * @param options.given the variables that the run was given
   * @param options.folder that the files of secrets are relative to
   * @param options.onChange told once, with the names of the variables; a file that is missing or cannot be used changes nothing
   */
  constructor(options: {
    env: McpServerDocument['spec']['config']['env']
    given: Readonly<Record<string, string>>
    folder: string
    onChange: (names: string[]) => void
  }) {
    this.#files = options.env.flatMap(({ name, valueFrom }) => {
      if (valueFrom === undefined) return []
      const file = new WatchedFile(resolve(options.folder, valueFrom.file), (text) => parseSecret(name, text), {
        everyMs: 0,
      })
      return [{ name, given: options.given[name] ?? '', file }]
    })
    this.#onChange = options.onChange
  }

  start(): void {
    if (this.#files.length > 0) this.#timer = setInterval(() => void this.#look(), lookMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #look(): Promise<void> {
    const now = await Promise.all(
      this.#files.map(async ({ name, given, file }) => ({ name, given, value: await file.read().catch(() => given) })),
    )
    const changed = now.filter(({ given, value }) => given !== value)
    const mark = JSON.stringify(changed)
    // Two looks find the same: a file that is being written is not taken up half.
    const isSettled = mark === this.#last
    this.#last = mark
    if (changed.length === 0 || !isSettled || !this.#timer) return
    this.stop()
    this.#onChange(changed.map(({ name }) => name))
  }
}
