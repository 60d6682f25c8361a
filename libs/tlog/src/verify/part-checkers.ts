import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { StoreLocation } from '../store/open-store.ts'
import type { CheckedPart, Part } from './check-part.ts'
import type { PackedFacts } from './pack-facts.ts'

/** What a thread finds of a part. */
export type PartAnswer = Omit<CheckedPart, 'facts'> & { facts: PackedFacts }

interface Waiting {
  resolve: (answer: PartAnswer) => void
  reject: (error: Error) => void
}

const maxThreads = 8

/** Threads that check parts of trees, each one part at a time. */
export class PartCheckers {
  readonly #workers: Worker[]
  readonly #waiting = new Map<Worker, Waiting>()
  readonly #idle: Worker[]
  readonly #queue: { part: Part; waiting: Waiting }[] = []

  constructor(location: StoreLocation) {
    const count = Math.min(maxThreads, availableParallelism())
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: location,
        // What a part leaves behind goes soon, and memory stays flat.
        resourceLimits: { maxYoungGenerationSizeMb: 16 },
      })
      worker.on('message', (answer: PartAnswer | { failed: string }) => this.#answered(worker, answer))
      worker.on('error', (error) => this.#failed(worker, error as Error))
      return worker
    })
    this.#idle = [...this.#workers]
  }

  /** How many parts are worked on at once. */
  get threads(): number {
    return this.#workers.length
  }

  /** Has a part checked. @throws Error when the store cannot be read */
  check(part: Part): Promise<PartAnswer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ part, waiting: { resolve, reject } })
      this.#next()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #next(): void {
    const worker = this.#queue.length > 0 ? this.#idle.pop() : undefined
    if (!worker) return
    const { part, waiting } = this.#queue.shift()!
    this.#waiting.set(worker, waiting)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(part)
  }

  #answered(worker: Worker, answer: PartAnswer | { failed: string }): void {
    const waiting = this.#waiting.get(worker)
    this.#waiting.delete(worker)
    this.#idle.push(worker)
    if ('failed' in answer) waiting?.reject(new Error(answer.failed))
    else waiting?.resolve(answer)
    this.#next()
  }

  #failed(worker: Worker, error: Error): void {
    this.#waiting.get(worker)?.reject(error)
    this.#waiting.delete(worker)
  }
}
