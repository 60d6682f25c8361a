import { Worker } from 'node:worker_threads'
import type { PGlite, PGliteQueryResults, PGliteTransaction } from 'kysely'
import { TooSlow } from './index-database.ts'
import type { Answered, Asked } from './pglite-worker.ts'

/** Statements come and go: a small young generation keeps less memory resident at the same speed. */
const youngMb = 8

/**
 * PGlite in a thread of its own, as Kysely's dialect wants it. Queries wait for each other; a transaction is between none. One that takes
 * longer than it may ends the thread, because nothing else stops it: what was not committed is gone, and the next query opens the
 * folder again.
 */
export class PGliteThread implements PGlite {
  readonly ready = true
  readonly waitReady = Promise.resolve()
  readonly #dataDir: string
  readonly #parameters: string[]
  readonly #signal: AbortSignal
  #worker: Promise<Worker> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  closed = false

  /** @param signal ends the thread, whatever it is doing; what was committed stays */
  constructor(dataDir: string, parameters: string[], signal: AbortSignal) {
    this.#dataDir = dataDir
    this.#parameters = parameters
    this.#signal = signal
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
      const worker = await this.#open()
      const query = <R>(sql: string, parameters: unknown[] = []) => this.#ask<R>(worker, { sql, parameters })
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

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.#inTurn(async () => {
      const worker = await this.#worker?.catch(() => undefined)
      if (!worker) return
      await this.#ask(worker, 'close').catch(() => {})
      await worker.terminate()
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  #open(): Promise<Worker> {
    if (this.closed) throw new Error('the index of the audit log is closed')
    this.#worker ??= this.#start().catch((error: unknown) => {
      this.#worker = undefined
      throw error
    })
    return this.#worker
  }

  async #start(): Promise<Worker> {
    this.#signal.throwIfAborted()
    const worker = new Worker(new URL('pglite-worker.ts', import.meta.url), {
      workerData: { dataDir: this.#dataDir, parameters: this.#parameters },
      resourceLimits: { maxYoungGenerationSizeMb: youngMb },
      stdout: true,
      stderr: true,
    })
    const end = () => void worker.terminate()
    this.#signal.addEventListener('abort', end, { once: true })
    worker.once('exit', () => {
      this.#worker = undefined
      this.#signal.removeEventListener('abort', end)
    })
    try {
      await answerOf(worker)
    } catch (error) {
      await worker.terminate()
      throw error
    }
    return worker
  }

  async #ask<T>(worker: Worker, asked: Asked | 'close', timeoutMs?: number): Promise<PGliteQueryResults<T>> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      if (timeoutMs === undefined) return
      timer = setTimeout(() => {
        const error = new TooSlow(`it took longer than ${timeoutMs} ms`)
        // The folder is opened again only when nobody has it any more.
        void worker.terminate().then(() => reject(error))
      }, timeoutMs)
    })
    try {
      const answer = answerOf(worker)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(asked)
      const { rows, affectedRows } = await Promise.race([answer, late])
      return { rows: rows as T[], fields: [], ...(affectedRows === undefined ? {} : { affectedRows }) }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The next answer of a worker; rejects when it ends instead. */
function answerOf(worker: Worker): Promise<Answered & { ok: true }> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered & { ok: true }>()
  const onMessage = (answer: Answered) => {
    if (answer.ok) resolve(answer)
    else reject(Object.assign(new Error(answer.message), answer.code === undefined ? {} : { code: answer.code }))
  }
  const onError = (error: unknown) => reject(error)
  const onExit = () => reject(new Error('the embedded database ended'))
  worker.once('message', onMessage).once('error', onError).once('exit', onExit)
  const settled = promise.finally(() => worker.off('message', onMessage).off('error', onError).off('exit', onExit))
  // One that nobody waits for any more, because its query was too slow, is no defect.
  settled.catch(() => {})
  return settled
}
