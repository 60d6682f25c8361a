import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoadJob, LoadOutcome } from './load.ts'
import type { UpstreamKind } from './upstream.ts'

/** A server of the benchmark's own, in a process of its own. */
export interface BenchServer {
  url: string
  pid: number
  stop(): void
}

/** Starts what the benchmark itself needs beside what it measures, and ends it. */
export interface BenchProcesses {
  /** Starts a module of this folder that prints its port as a line of JSON. */
  startServer(file: string, args: string[]): Promise<BenchServer>
  /** Starts a tool server; resolves to its URL. */
  startUpstream(tools: number, kind?: UpstreamKind): Promise<string>
  /** Runs load. */
  load(job: LoadJob): Promise<LoadOutcome>
  stop(): void
}

/** Keeps the processes that it starts, to end them. */
export function benchProcesses(): BenchProcesses {
  const children = new Set<ChildProcess>()
  const start = (file: string, args: string[], stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[]) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { stdio })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }
  const startServer = async (file: string, args: string[]) => {
    const child = start(file, args, ['ignore', 'pipe', 'inherit', 'ipc'])
    const ended = new AbortController()
    child.once('exit', () => ended.abort(new Error(`${file} ended before it served`)))
    const [line] = (await once(child.stdout!, 'data', { signal: ended.signal })) as [Buffer]
    const url = `http://127.0.0.1:${JSON.parse(line.toString()).port}/mcp`
    return { url, pid: child.pid!, stop: () => void child.kill() }
  }
  return {
    startServer,
    startUpstream: async (tools, kind = 'prompt') => (await startServer('upstream.ts', [String(tools), kind])).url,
    async load(job) {
      const child = start('load.ts', [], ['ignore', 'inherit', 'inherit', 'ipc'])
      const { promise, resolve, reject } = Promise.withResolvers<LoadOutcome>()
      child.once('message', (outcome) => resolve(outcome as LoadOutcome))
      child.once('exit', (code) => reject(new Error(`load ended with exit code ${code} and without an outcome`)))
      child.send(job)
      return promise
    },
    stop() {
      for (const child of children) child.kill()
    },
  }
}
