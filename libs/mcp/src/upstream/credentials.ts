import { readFile } from 'node:fs/promises'
import { fileMark } from '@countersign/config'
import type { KnownSecrets } from './known-secrets.ts'

export interface CredentialFiles {
  /** File with the bearer token to send. */
  tokenFile?: string | undefined
  /** File with what else the server was given and must not answer: a JSON array of strings. */
  secretsFile?: string | undefined
}

/** A file that was replaced is noticed this late at most. */
const lookMs = 1000

/** The token for a server and what else is secret about it, read from files and read again when these change. */
export class Credentials {
  readonly #files: CredentialFiles
  readonly #known: KnownSecrets
  readonly #marks = new Map<string, string>()
  #token: string | undefined
  #secrets: readonly string[] = []
  #looking: Promise<void> | undefined
  #lookedAt = -Infinity

  constructor(files: CredentialFiles, known: KnownSecrets) {
    this.#files = files
    this.#known = known
  }

  /** The token to send, as of the last look. */
  get token(): string | undefined {
    return this.#token
  }

  /**
   * Looks at the files, unless it did so in the last second.
   *
   * @param now look in any case
   * @throws Error when one cannot be read or holds too much: without knowing the secrets nothing may be asked (I9)
   */
  async look(now = false): Promise<void> {
    const { tokenFile, secretsFile } = this.#files
    if (tokenFile === undefined && secretsFile === undefined) return
    if (!now && performance.now() - this.#lookedAt < lookMs) return
    this.#looking ??= this.#lookAtFiles().finally(() => (this.#looking = undefined))
    await this.#looking
  }

  async #lookAtFiles(): Promise<void> {
    const { tokenFile, secretsFile } = this.#files
    const [secrets, token] = await Promise.all([
      secretsFile === undefined ? undefined : this.#readChanged(secretsFile, 'file of secrets'),
      tokenFile === undefined ? undefined : this.#readChanged(tokenFile, 'token file'),
    ])
    if (secrets || token) {
      const nowSecret = secrets ? readSecrets(secrets.text) : this.#secrets
      const nowToken = token ? readToken(token.text) : this.#token
      // Together, or the one could push the other out.
      this.#known.take(nowToken === undefined ? nowSecret : [...nowSecret, nowToken])
      this.#secrets = nowSecret
      this.#token = nowToken
    }
    if (secrets) this.#marks.set(secretsFile!, secrets.mark)
    if (token) this.#marks.set(tokenFile!, token.mark)
    this.#lookedAt = performance.now()
  }

  /** The content of a file that is not as it was when it was last taken in; else undefined. */
  async #readChanged(path: string, what: string): Promise<{ text: string; mark: string } | undefined> {
    try {
      const mark = await fileMark(path)
      return mark === this.#marks.get(path) ? undefined : { text: await readFile(path, 'utf8'), mark }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new Error(`the ${what} of the server cannot be read (${code ?? 'unknown'})`, { cause: error })
    }
  }
}

function readToken(text: string): string {
  const token = text.trim()
  if (token === '') throw new Error('the token file of the server is empty; write the token into it')
  return token
}

function readSecrets(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  } catch {
    // The parser quotes what it read, and here that is secrets (I9).
  }
  throw new Error('the file of secrets of the server is not a JSON array of strings')
}
