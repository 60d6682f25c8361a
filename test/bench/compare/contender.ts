import type { BenchProcesses } from '../processes.ts'
import type { LoadJob } from '../load.ts'

/** One way for a call to reach the tool server. */
export interface Contender {
  name: string
  version: string
  /**
   * Installs what is compared, where that has not been done.
   *
   * @throws Error saying why it cannot be had here
   */
  install?(say: (line: string) => void): Promise<unknown>
  /**
   * Starts it in front of a tool server; resolves when that server's tools can be called.
   *
   * @throws Error with the end of its log
   */
  start(upstream: string, processes: BenchProcesses, say: (line: string) => void): Promise<Started>
}

/** A contender that serves, and how its callers reach it. */
export interface Started extends Pick<LoadJob, 'url' | 'headers' | 'tools'> {
  /** Resident memory of all its processes now. */
  memoryMiB(): number
  stop(): Promise<void> | void
}

/** The tools that are called, as the tool server names them. */
export const tools = ['echo-2', 'echo-3', 'echo-4']

/** How many tools the server has. */
export const toolCount = 10
