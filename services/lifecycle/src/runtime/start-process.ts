import { type ChildProcess, spawn } from 'node:child_process'
import { LineReader } from '@countersign/mcp/bridge'

const maxLineBytes = 16 * 1024
/** How long output may still come after the process itself is gone. */
const lastOutputMs = 200

export interface ProcessOptions {
  program: string
  args: readonly string[]
  cwd?: string
  env: Record<string, string>
  /** Given a pipe on standard input, which closes with this process however it ends. */
  stdin: 'pipe' | 'ignore'
  /** Who is asked to end: a leader that ends the others itself, in its own time, or all of the group. */
  asks: 'leader' | 'group'
  /** How long it may take to end before it is killed, in milliseconds. */
  killAfterMs: number
  onLine: (line: string, stream: 'stdout' | 'stderr') => void
}

/** A program that was started, as the leader of a process group of its own. */
export interface RunningProcess {
  pid: number
  /** Resolves with how it ended. */
  exited: Promise<string>
  /** Asks it to end, kills it when it does not; resolves when it and its group are gone. */
  stop(): Promise<void>
  /** Kills the group now. */
  kill(): void
}

/**
 * Starts a program, without a shell.
 *
 * @throws Error when it cannot be started
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { program, args, cwd, env, stdin, asks, killAfterMs, onLine } = options
  const child = spawn(program, args, { cwd, env, stdio: [stdin, 'pipe', 'pipe'], detached: true })
  const spawned = Promise.withResolvers<void>()
  const exited = Promise.withResolvers<string>()
  child.once('spawn', spawned.resolve)
  child.once('error', (error) => spawned.reject(new Error(`${program} could not be started: ${error.message}`)))
  for (const stream of ['stdout', 'stderr'] as const) readLines(child, stream, onLine)
  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // The group is gone.
    }
  }
  child.once('exit', (code, signal) => {
    const ended = () => {
      // Whatever it left behind in its group goes with it.
      signalGroup('SIGKILL')
      exited.resolve(signal ? `it ended with signal ${signal}` : `it ended with exit code ${code}`)
    }
    const timer = setTimeout(ended, lastOutputMs)
    child.once('close', () => {
      clearTimeout(timer)
      ended()
    })
  })
  await spawned.promise
  return {
    pid: child.pid!,
    exited: exited.promise,
    kill: () => signalGroup('SIGKILL'),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.stdin?.destroy()
        if (asks === 'leader') child.kill('SIGTERM')
        else signalGroup('SIGTERM')
      }
      const timer = setTimeout(signalGroup, killAfterMs, 'SIGKILL')
      await exited.promise
      clearTimeout(timer)
    },
  }
}

function readLines(child: ChildProcess, stream: 'stdout' | 'stderr', onLine: ProcessOptions['onLine']): void {
  const lines = new LineReader(maxLineBytes, { leavesOut: true })
  child[stream]?.on('data', (chunk: Buffer) => {
    for (const line of lines.push(chunk)) onLine(line, stream)
  })
}
