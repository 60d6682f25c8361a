import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@countersign/testing'

/** A program to run until it is stopped. */
export interface Program {
  command: string
  args: string[]
  /** Its working directory; its log is kept there too. */
  dir: string
  env?: Record<string, string>
  /** Whether it serves yet; may throw. */
  ready: () => Promise<boolean>
}

const patienceMs = 180_000
const stopGraceMs = 12_000

/**
 * Starts a program and waits until it serves.
 *
 * @throws Error with the end of its log when it ends or does not serve
 */
export async function runProgram({
  command,
  args,
  dir,
  env,
  ready,
}: Program): Promise<{ pid: number; stop(): Promise<void> }> {
  const path = join(dir, 'log')
  const log = openSync(path, 'a')
  const child = spawn(command, args, {
    cwd: dir,
    stdio: ['ignore', log, log],
    // A group of its own, so that what it starts ends with it.
    detached: true,
    env: { PATH: process.env.PATH, HOME: dir, ...env },
  })
  let problem: Error | undefined
  child.once('error', (error) => (problem = error))
  const running = () => problem === undefined && child.exitCode === null && child.signalCode === null
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Nobody of the group is left.
    }
  }
  // What is measured does not outlive who measures it.
  const leave = () => process.exit(1)
  process.once('exit', end).once('SIGINT', leave).once('SIGTERM', leave)
  const stop = async () => {
    if (running()) {
      const timer = setTimeout(end, stopGraceMs)
      child.kill('SIGTERM')
      await once(child, 'exit')
      clearTimeout(timer)
    }
    end()
    process.off('exit', end).off('SIGINT', leave).off('SIGTERM', leave)
  }
  try {
    await until(async () => !running() || (await ready()), `${command} serves`, patienceMs)
    if (!running()) throw problem ?? new Error(`${command} ended with exit code ${child.exitCode}`)
  } catch (error) {
    await stop()
    const last = readFileSync(path, 'utf8').trim().split('\n').slice(-3).join('\n').slice(-600)
    throw new Error(`${(error as Error).message}; the end of its log:\n${last}`, { cause: error })
  }
  return { pid: child.pid!, stop }
}
