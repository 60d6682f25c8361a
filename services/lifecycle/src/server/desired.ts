import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileMark, readTextFile } from '@countersign/config'
import { maxDocumentBytes } from '@countersign/contracts'
import {
  type DocumentProblem,
  type FileContent,
  type Identity,
  readDocuments,
  type ServerDocument,
} from './document.ts'

/** What one server should be: running as its document says, or refused. */
export type Wish =
  { kind: 'run'; server: ServerDocument; problem?: string } | { kind: 'refused'; identity: Identity; problem: string }

/** What all servers should be. */
export interface Desired {
  servers: Map<string, Wish>
  problems: DocumentProblem[]
  /** False while something cannot be read: then a server that no document names may still be wanted. */
  complete: boolean
}

interface FileState {
  /** Size and times of the file when it was last looked at, and when it was last read. */
  seen: string
  read?: string
  missing: boolean
  content?: FileContent
  /** The newest content without a problem. */
  good?: ServerDocument[]
}

const maxFiles = 1000

/**
 * Reads the folder of server documents. A file is read once it is the same for two looks, so that half-written ones are not, and
 * counts as removed when two looks miss it. A file with a problem keeps its last good content.
 */
export class DesiredReader {
  readonly #dir: string
  readonly #files = new Map<string, FileState>()
  #first = true

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Looks at the folder. A folder that cannot be read changes nothing and is a problem. */
  async look(): Promise<Desired> {
    const problems: DocumentProblem[] = []
    try {
      await this.#lookAtFiles(problems)
      this.#first = false
    } catch (error) {
      problems.push({
        file: this.#dir,
        line: 1,
        column: 1,
        message: `the folder cannot be read: ${(error as Error).message}`,
      })
    }
    return this.#collect(problems)
  }

  async #lookAtFiles(problems: DocumentProblem[]): Promise<void> {
    const names = (await readdir(this.#dir)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).toSorted()
    for (const name of names.slice(maxFiles)) {
      problems.push({
        file: name,
        line: 1,
        column: 1,
        message: `there are more than ${maxFiles} documents; remove some`,
      })
    }
    const present = new Set(names.slice(0, maxFiles))
    for (const [name, state] of this.#files) {
      if (present.has(name)) state.missing = false
      else if (state.missing) this.#files.delete(name)
      else state.missing = true
    }
    for (const name of present) await this.#lookAtFile(name)
  }

  async #lookAtFile(name: string): Promise<void> {
    const path = join(this.#dir, name)
    const mark = await fileMark(path).catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
    const state = this.#files.get(name) ?? { seen: '', missing: false }
    this.#files.set(name, state)
    if (mark !== state.read && (mark === state.seen || this.#first)) {
      state.content = await readTextFile(path, maxDocumentBytes).then(
        (text) => readDocuments(name, text),
        (error: Error) => ({
          servers: [],
          refused: [],
          problems: [{ file: name, line: 1, column: 1, message: `the file cannot be read: ${error.message}` }],
        }),
      )
      state.read = mark
      if (state.content.problems.length === 0) state.good = state.content.servers
    }
    state.seen = mark
  }

  #collect(problems: DocumentProblem[]): Desired {
    const servers = new Map<string, Wish>()
    const files = [...this.#files].toSorted(([left], [right]) => (left < right ? -1 : 1))
    let complete = problems.length === 0
    for (const [file, { content, good, read, seen }] of files) {
      if (!content || read !== seen) complete = false
      const broken = content?.problems ?? []
      problems.push(...broken)
      if (broken.length > 0 && good === undefined) complete = false
      const problem = broken.length > 0 ? describe(broken) : undefined
      for (const server of good ?? []) {
        const { name } = server.identity
        const taken = servers.get(name)
        if (taken?.kind === 'run') {
          const message = `metadata.name: another document is about the server ${name} already; rename or remove one of them`
          problems.push({ file, line: 1, column: 1, message, server: name })
        } else servers.set(name, { kind: 'run', server, ...(problem === undefined ? {} : { problem }) })
      }
      for (const identity of good === undefined ? (content?.refused ?? []) : []) {
        if (!servers.has(identity.name))
          servers.set(identity.name, { kind: 'refused', identity, problem: problem ?? '' })
      }
    }
    return { servers, problems, complete }
  }
}

/** Problems in one line, for a condition. */
function describe(problems: readonly DocumentProblem[]): string {
  const lines = problems.slice(0, 5).map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
  return [...lines, ...(problems.length > 5 ? [`and ${problems.length - 5} more`] : [])].join('; ')
}
