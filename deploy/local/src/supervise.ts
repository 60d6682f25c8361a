import { type ChildProcess, fork } from 'node:child_process'
import { openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** A process that is started again when it dies. */
export interface Supervised {
  name: string
  pid: () => number | undefined
  stop(): Promise<void>
}

const restartMs = [200, 500, 1000, 2000, 5000]
const stopGraceMs = 12_000

/**
 * Runs a service as a process of its own and starts it again, after a growing pause, whenever it dies. Resolves when it has
 * started for the first time.
 *
 * @throws Error with the end of its log when it cannot start
 */
export async function superviseService(service: {
  name: string
  main: string
  env: Record<string, string>
  logFile: string
  onDeath: (detail: string) => void
}): Promise<Supervised> {
  let child: ChildProcess
  let stopping = false
  let failures = 0
  const begin = (): Promise<void> => {
    const log = openSync(service.logFile, 'a', 0o600)
    // A process group of its own: Ctrl-C reaches the launcher alone, which stops things in order.
    child = fork(service.main, {
      // Calls are short-lived garbage: a small young generation, and an old one that is collected when it has grown by three fifths instead
      // of when it has doubled, keep a third of the memory from being resident, at the same speed. By a third, audit collects too often.
      execArgv: ['--max-semi-space-size=8', '--heap-growing-percent=60'],
      env: service.env,
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const startedAt = Date.now()
    child.once('message', () => resolve())
    child.once('exit', (code, signal) => {
      reject(new Error(`${service.name} ended with ${signal ?? `exit code ${code}`}`))
      if (stopping || !everStarted) return
      if (Date.now() - startedAt > 60_000) failures = 0
      const pause = restartMs[Math.min(failures++, restartMs.length - 1)]!
      service.onDeath(`${service.name} ended with ${signal ?? `exit code ${code}`}; starting it again`)
      setTimeout(() => stopping || begin().catch(() => {}), pause)
    })
    return promise
  }
  let everStarted = false
  try {
    await begin()
    everStarted = true
  } catch (error) {
    const log = await readFile(service.logFile, 'utf8').catch(() => '')
    throw new Error(
      `${(error as Error).message}. The end of its log (${service.logFile}):\n${log.trim().split('\n').slice(-3).join('\n')}`,
      {
        cause: error,
      },
    )
  }
  return {
    name: service.name,
    pid: () => child.pid,
    async stop() {
      stopping = true
      await stopProcess(child)
    },
  }
}

/** Asks a process to end, and ends it when it does not. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
  await exited
  clearTimeout(timer)
}
