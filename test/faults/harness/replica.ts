import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ClockMessage } from '../entry/clock.ts'
import type { ArmMessage, FaultPoint } from '../entry/fault-point.ts'

/** How to run a process of the harness. */
export interface ReplicaOptions {
  /** `policy-1`. */
  name: string
  /** The entry point, relative to `test/faults`. */
  entry: string
  args: string[]
  env: Record<string, string>
  logFile: string
}

const restartMs = 100
const patienceMs = 60_000
/** How much of its log a process that does not start is told with. */
const toldLines = 20
let lastArmed = 0

/** One process that can be killed, stopped in its tracks and started again. */
export class Replica {
  readonly name: string
  readonly logFile: string
  readonly #options: ReplicaOptions
  #child: ChildProcess | undefined
  #up = false
  /** Points to arm again after a restart. */
  #armed: FaultPoint[] = []
  /** Whether it is started again when it dies. */
  #supervised = true
  /** How often it was killed. */
  deaths = 0
  healthPort = 0

  constructor(options: ReplicaOptions) {
    this.name = options.name
    this.logFile = options.logFile
    this.#options = options
  }

  /** It has said that it has started, and has not died since. */
  get up(): boolean {
    return this.#up
  }

  /** The process that it is now. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The service it is a replica of. */
  get service(): string {
    return this.name.replace(/-\d+$/, '')
  }

  /**
   * Starts it and resolves when it says that it has started; a process that dies before is started again.
   *
   * @throws Error as `untilUp` does
   */
  async start(timeoutMs = patienceMs): Promise<void> {
    const { entry, args, env, logFile } = this.#options
    const log = openSync(logFile, 'a')
    const child = fork(fileURLToPath(new URL(`../${entry}`, import.meta.url)), args, {
      env,
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    })
    this.#child = child
    child.on('message', (message: { started?: string; healthPort?: number }) => {
      if (message.started === undefined) return
      this.healthPort = message.healthPort ?? 0
      this.#up = true
    })
    child.once('exit', (_code, signal) => {
      if (this.#child !== child) return
      this.#up = false
      if (signal === 'SIGKILL') this.deaths += 1
      if (this.#supervised) setTimeout(() => void this.#again(child), restartMs)
    })
    await this.untilUp(timeoutMs)
    if (this.#armed.length > 0) await this.arm(this.#armed)
  }

  /** Starts it after its process has died, unless that was done or it is to stay away. */
  async #again(died: ChildProcess): Promise<void> {
    if (!this.#supervised || this.#child !== died) return
    await this.start().catch((error: unknown) => {
      if (this.#supervised) throw error
    })
  }

  /**
   * Resolves when it is up.
   *
   * @throws Error with the end of its log when it is not up in time; the log goes away with the run
   */
  async untilUp(timeoutMs = patienceMs): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!this.#up) {
      if (!this.#supervised) throw new Error(`${this.name} was ended before it had started`)
      if (Date.now() > deadline) {
        const log = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-toldLines).join('\n')
        throw new Error(
          `${this.name} did not start within ${timeoutMs} ms; the end of its log (${this.logFile}):\n${log}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Tells it where to die; resolves when it knows. A process that dies meanwhile is told when it is back. */
  async arm(points: FaultPoint[]): Promise<void> {
    this.#armed = points
    const child = this.#child
    if (!child?.connected || !this.#up) return
    const id = ++lastArmed
    const known = Promise.withResolvers<void>()
    const onMessage = (message: { armed?: number }) => message.armed === id && known.resolve()
    child.on('message', onMessage)
    const onExit = () => known.resolve()
    child.once('exit', onExit)
    child.send({ arm: points, id } satisfies ArmMessage, (error) => error && known.resolve())
    await known.promise
    child.off('message', onMessage)
    child.off('exit', onExit)
  }

  /** Sets its clock wrong by so much, until it is started again. */
  clock(clockMs: number): void {
    this.#child?.send({ clockMs } satisfies ClockMessage)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Kills it; it is started again if it is supervised. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    this.#up = false
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Asks it to stop, as an upgrade does; resolves to its exit code when its successor is up. */
  async replace(): Promise<number | null> {
    const child = this.#child!
    this.#up = false
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await exit) as [number | null]
    await this.untilUp()
    return code
  }

  /** Ends it, whatever state it is in, until it is begun again. */
  async end(): Promise<void> {
    this.#supervised = false
    await this.kill()
  }

  /** Starts it after it was ended. */
  begin(): Promise<void> {
    this.#supervised = true
    return this.start()
  }
}
