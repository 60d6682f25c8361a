import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { LineReader } from './line-reader.ts'

/** Longest line a server may write on standard output. */
const maxLineBytes = 16 * 1024 * 1024
/** Longest piece of a line of standard error that is passed on as one line. */
const maxLogLineBytes = 8 * 1024
/** What may wait for a server that does not read. */
const maxWaitingBytes = 64 * 1024 * 1024
const killAfterMs = 3000
/** How long output may still come after the process itself is gone. */
const lastOutputMs = 500

/** What the child is and who hears of it. */
export interface ChildOptions {
  command: readonly [string, ...string[]]
  cwd?: string
  env: Record<string, string>
  onLine: (line: string) => void
  /** A line of its standard error. */
  onLog: (line: string) => void
  /** Called once, when it is gone and all it wrote was handed over; says why. */
  onExit: (reason: string) => void
}

/** A stdio MCP server as a child process: JSON-RPC messages, one a line. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #gone = Promise.withResolvers<void>()
  #ending: string | undefined

  constructor(options: ChildOptions) {
    const [program, ...args] = options.command
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' })
    this.#process = child
    const lines = new LineReader(maxLineBytes)
    child.stdout.on('data', (chunk: Buffer) => {
      if (lines.overflow) return
      for (const line of lines.push(chunk)) if (line.trim() !== '') options.onLine(line)
      if (lines.overflow) this.#kill(`it wrote a line of more than ${maxLineBytes} bytes`)
    })
    this.#log(options.onLog)
    // A server that closed its input is about to exit; its exit says why.
    child.stdin.on('error', () => {})
    const ended = (reason: string) => {
      if (this.#ending === undefined) this.#ending = reason
      options.onExit(this.#ending)
      this.#gone.resolve()
    }
    child.once('error', (error) => ended(`it could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      const reason = signal ? `it ended with signal ${signal}` : `it ended with exit code ${code}`
      const timer = setTimeout(ended, lastOutputMs, reason)
      child.once('close', () => {
        clearTimeout(timer)
        ended(reason)
      })
    })
  }

  /** Sends one message; false when too much is waiting for the server to read it. */
  send(message: string): boolean {
    if (this.#process.stdin.writableLength > maxWaitingBytes) return false
    this.#process.stdin.write(`${message}\n`)
    return true
  }

  /** Closes its input and asks it to end; after three seconds it is killed. */
  async stop(): Promise<void> {
    this.#process.stdin.end()
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), killAfterMs)
    await this.#gone.promise
    clearTimeout(timer)
  }

  #kill(reason: string): void {
    this.#ending ??= reason
    this.#process.kill('SIGKILL')
  }

  #log(onLog: ChildOptions['onLog']): void {
    const lines = new LineReader(maxLogLineBytes, { leavesOut: true })
    this.#process.stderr.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk)) onLog(line)
    })
  }
}
