import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { PGlite, PGliteQueryResults, PGliteTransaction } from 'kysely'
import { TooSlow } from './index-database.ts'
import type { Answered, Asked, Opened, Rows } from './pglite-main.ts'

const main = fileURLToPath(new URL('pglite-main.ts', import.meta.url))
/**
 * Statements come and go: a small young generation keeps less memory resident at the same speed. So does leaving most of Postgres as it was
 * compiled first: what makes it faster takes 50 MiB, and is for loops that run longer than a statement of the index.
 */
const nodeFlags = ['--max-semi-space-size=4', '--liftoff-only']

/**
 * PGlite in a process of its own, as Kysely's dialect wants it. Queries wait for each other; a transaction is between none. One that takes
 * longer than it may ends the process, because nothing else stops it: what was not committed is gone, and the next query opens the
 * folder again.
 */
export class PGliteProcess implements PGlite {
  readonly ready = true
  readonly waitReady = Promise.resolve()
  readonly #dir: string
  readonly #parameters: string[]
  readonly #signal: AbortSignal
  readonly #onDiscarded: (reason: string) => void
  #child: Promise<ChildProcess> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #opened = false
  closed = false
  /** What was in the folder is gone since it was opened: it is to be opened anew. */
  lost = false

  /**
   * @param parameters of Postgres, as `name=value`
   * @param signal ends the process, whatever it is doing; what was committed stays
   * @param onDiscarded told why what was in the folder was given up
   */
  constructor(dir: string, parameters: string[], signal: AbortSignal, onDiscarded: (reason: string) => void) {
    this.#dir = dir
    this.#parameters = parameters
    this.#signal = signal
    this.#onDiscarded = onDiscarded
  }

  /** @param timeoutMs for `reader`, which is of the same database */
  reader(timeoutMs: number): PGlite {
    const query = <T>(sql: string, parameters: unknown[] = []) =>
      this.#inTurn(async () => this.#ask<T>(await this.#open(), { sql, parameters }, timeoutMs))
    const transaction = () => Promise.reject(new Error('queries of the index are single statements'))
    const { waitReady } = this
    return { ready: true, closed: false, waitReady, query, transaction, close: () => Promise.resolve() }
  }

  query<T>(sql: string, parameters: unknown[] = []): Promise<PGliteQueryResults<T>> {
    return this.#inTurn(async () => this.#ask<T>(await this.#open(), { sql, parameters }))
  }

  transaction<T>(callback: (transaction: PGliteTransaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const child = await this.#open()
      const query = <R>(sql: string, parameters: unknown[] = []) => this.#ask<R>(child, { sql, parameters })
      await query('BEGIN')
      try {
        const result = await callback({ query, rollback: async () => void (await query('ROLLBACK')) })
        await query('COMMIT')
        return result
      } catch (error) {
        await query('ROLLBACK').catch(() => {})
        throw error
      }
    })
  }

  close(): Promise<void> {
    return this.#end('close')
  }

  /** Closes it, and gives up what is in the folder. */
  discard(): Promise<void> {
    return this.#end('discard')
  }

  async #end(how: 'close' | 'discard'): Promise<void> {
    if (this.closed) return
    await this.#inTurn(async () => {
      const child = await (how === 'discard' ? this.#open() : this.#child)?.catch(() => undefined)
      this.closed = true
      if (!child) return
      await this.#ask(child, how).catch(() => {})
      await killed(child)
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  #open(): Promise<ChildProcess> {
    if (this.closed) throw new Error('the index of the audit log is closed')
    if (this.lost) throw new Error('the index of the audit log was lost, and is made anew')
    this.#child ??= this.#start().catch((error: unknown) => {
      this.#child = undefined
      throw error
    })
    return this.#child
  }

  async #start(): Promise<ChildProcess> {
    this.#signal.throwIfAborted()
    const child = fork(main, [this.#dir, this.#opened ? 'again' : 'first', ...this.#parameters], {
      execArgv: nodeFlags,
      // It needs nothing of what audit was told.
      env: {},
      serialization: 'advanced',
      // Postgres writes statements that fail to its log, with their parameters.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const end = () => void child.kill('SIGKILL')
    this.#signal.addEventListener('abort', end, { once: true })
    child.once('exit', () => this.#signal.removeEventListener('abort', end))
    // What could not be sent, also when nobody waits for an answer any more.
    child.on('error', end)
    child.on('message', (answered: Answered) => {
      if (!('discarded' in answered)) return
      this.lost = this.#opened
      this.#onDiscarded(answered.discarded)
    })
    try {
      const { isNew } = (await answerOf(child)) as Opened
      if (this.#opened && (isNew || this.lost)) {
        this.lost = true
        throw new Error('the index of the audit log was lost, and is made anew')
      }
      this.#opened = true
      child.once('exit', () => (this.#child = undefined))
      return child
    } catch (error) {
      await killed(child)
      throw error
    }
  }

  async #ask<T>(child: ChildProcess, asked: Asked, timeoutMs?: number): Promise<PGliteQueryResults<T>> {
    let tooSlow = false
    const end = () => {
      tooSlow = true
      child.kill('SIGKILL')
    }
    const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs)
    try {
      const answer = answerOf(child)
      child.send(asked)
      const { rows, affectedRows } = (await answer) as Rows
      return { rows: rows as T[], fields: [], ...(affectedRows === undefined ? {} : { affectedRows }) }
    } catch (error) {
      throw tooSlow ? new TooSlow(`it took longer than ${timeoutMs} ms`) : error
    } finally {
      clearTimeout(timer)
      // The folder is opened again only when nobody has it any more.
      if (tooSlow) await killed(child)
    }
  }
}

/** Resolves when a process is gone. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('exit', () => resolve())
  child.kill('SIGKILL')
  await promise
}

/** The next answer of the process; rejects when it ends instead. */
function answerOf(child: ChildProcess): Promise<Rows | Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<Rows | Opened>()
  const onMessage = (answer: Answered) => {
    if ('discarded' in answer) return
    if (answer.ok) resolve(answer)
    else reject(Object.assign(new Error(answer.message), answer.code === undefined ? {} : { code: answer.code }))
  }
  const onError = (error: unknown) => reject(error)
  const onExit = (code: number | null, signal: string | null) =>
    reject(new Error(`the embedded database ended with ${signal ?? `exit code ${code}`}`))
  child.on('message', onMessage).once('error', onError).once('exit', onExit)
  return promise.finally(() => child.off('message', onMessage).off('error', onError).off('exit', onExit))
}
